"""Bearer tokens: who calls, with which roles, of which tenant. One algorithm family, pinned.

What never lives here: what a role may do (``access``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import jwt
from starlette.concurrency import run_in_threadpool

from delivery_api.settings import ApiSettings
from qbank.settings import Settings

Role = Literal["student", "author", "reviewer", "publisher", "admin", "analyst"]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))

_REQUIRED = ["exp", "iss", "aud", "sub"]
_MAX_NAME = 255
_MAX_KEPT = 20_000
_REFETCH_S = 15.0


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
        self._keys: jwt.PyJWKClient | None = None
        self._secret = ""
        self._refused_until = 0.0
        if api.jwks_url is not None:
            self._keys = jwt.PyJWKClient(api.jwks_url, cache_keys=True, lifespan=300, timeout=5)
            self._algorithms = ["RS256", "ES256"]
        else:
            self._secret = api.signing_secret(settings)
            self._algorithms = ["HS256"]

    async def principal(self, token: str) -> Principal:
        """The caller named by a token.

        Raises:
            TokenError: signature, algorithm, issuer, audience, expiry or a claim is not right.
        """
        known = self._known.get(token)
        if known is not None:
            if known.expires_at > time.time():
                return known
            del self._known[token]
        # keys of an identity provider may have to be fetched, which must not stop other requests
        found = await run_in_threadpool(self._check, token) if self._keys else self._check(token)
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

    def _check(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenError("the token has expired: log in again") from error
        except jwt.PyJWTError as error:
            raise TokenError(f"the token is not accepted ({type(error).__name__})") from error
        return _principal(claims)

    def _key(self, token: str) -> Any:
        if self._keys is None:
            return self._secret
        kid = jwt.get_unverified_header(token).get("kid")
        known = {key.key_id: key for key in self._known_keys()}
        if kid in known:
            return known[kid]
        # a key may be new, but made-up key ids must not make us hammer the identity provider
        if time.monotonic() < self._refused_until:
            raise jwt.InvalidKeyError("unknown key id")
        self._refused_until = time.monotonic() + _REFETCH_S
        return self._keys.get_signing_key(str(kid))

    def _known_keys(self) -> list[jwt.PyJWK]:
        assert self._keys is not None  # noqa: S101
        return self._keys.get_signing_keys()


def _principal(claims: dict[str, Any]) -> Principal:
    user_id, tenant_id, roles = claims["sub"], claims.get("tenant_id"), claims.get("roles")
    for name, value in (("sub", user_id), ("tenant_id", tenant_id)):
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or "\x00" in value:
            raise TokenError(f"the token's {name} must be a text of 1 to {_MAX_NAME} characters")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenError("the token's roles must be a list of texts")
    return Principal(str(user_id), str(tenant_id), ROLES.intersection(roles), float(claims["exp"]))
