"""Bearer tokens: who calls, with which roles, of which tenant. One algorithm family, pinned.

What never lives here: what a role may do (``access``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import jwt

from delivery_api.keys import ProviderKeys
from delivery_api.settings import ApiSettings
from qbank.settings import Settings

Role = Literal["student", "author", "reviewer", "publisher", "admin", "analyst"]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))

_REQUIRED = ["exp", "iss", "aud", "sub"]
_MAX_NAME = 255
_MAX_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    Attributes:
        user_id: the token's ``sub``.
        tenant_id: every row read or written is of this tenant.
        roles: those of the token's roles that the API knows.
        expires_at: Unix time at which the token ends.
    """

    user_id: str
    tenant_id: str
    roles: frozenset[str]
    expires_at: float


class TokenError(Exception):
    """A token that is not accepted; the message is safe to show."""


class Tokens:
    """Checks tokens, and makes them where mock login exists.

    A token that was found good is kept until it expires, so that a session's requests pay for one
    signature check. What is kept is the token itself: a changed byte is another token.
    """

    def __init__(self, api: ApiSettings, settings: Settings) -> None:
        self._issuer = api.jwt_issuer
        self._audience = api.jwt_audience
        self._known: dict[str, Principal] = {}
        self._leeway_s = api.jwt_leeway_s
        self._keys: ProviderKeys | None = None
        self._secret = ""
        if api.jwks_url is not None:
            self._keys = ProviderKeys(api.jwks_url)
            self._algorithms = ["RS256", "ES256"]
        else:
            self._secret = api.signing_secret(settings)
            self._algorithms = ["HS256"]

    async def principal(self, token: str) -> Principal:
        """The caller named by a token.

        Raises:
            TokenError: signature, algorithm, issuer, audience, expiry or a claim is not right.
            KeysUnavailableError: the identity provider does not answer, and its key is not known.
        """
        known = self._known.get(token)
        if known is not None:
            if known.expires_at + self._leeway_s > time.time():
                return known
            del self._known[token]
        found = self._check(token, await self._key(token))
        if len(self._known) >= _MAX_KEPT:
            self._known.clear()
        self._known[token] = found
        return found

    def issue(self, user_id: str, roles: list[str], tenant_id: str, seconds: int) -> str:
        """Signs a token with the shared secret, for mock login and tests."""
        now = int(time.time())
        claims = {
            "sub": user_id,
            "roles": roles,
            "tenant_id": tenant_id,
            "iat": now,
            "exp": now + seconds,
            "iss": self._issuer,
            "aud": self._audience,
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _check(self, token: str, key: Any) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": _REQUIRED},
            )
            return _principal(claims)
        except jwt.ExpiredSignatureError as error:
            raise TokenError("the token has expired: log in again") from error
        except (jwt.PyJWTError, OverflowError) as error:  # a time of 10^400 is no float
            raise _not_accepted(error) from error

    async def _key(self, token: str) -> Any:
        if self._keys is None:
            return self._secret
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise _not_accepted(error) from error
        key = await self._keys.key(key_id)
        if key is None:
            raise TokenError("the token is not accepted (unknown key id)")
        return key


def _not_accepted(error: Exception) -> TokenError:
    return TokenError(f"the token is not accepted ({type(error).__name__})")


def _principal(claims: dict[str, Any]) -> Principal:
    user_id, tenant_id, roles = claims["sub"], claims.get("tenant_id"), claims.get("roles")
    for name, value in (("sub", user_id), ("tenant_id", tenant_id)):
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or _unstorable(value):
            raise TokenError(f"the token's {name} must be a text of 1 to {_MAX_NAME} characters")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenError("the token's roles must be a list of texts")
    return Principal(str(user_id), str(tenant_id), ROLES.intersection(roles), float(claims["exp"]))


def _unstorable(text: str) -> bool:
    """Whether Postgres cannot keep the text: a NUL, or half of a surrogate pair."""
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
