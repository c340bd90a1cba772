"""Bearer tokens: who calls, with which roles, of which tenant. Each issuer's algorithms are pinned.

What never lives here: what a role may do (``access``), and where an issuer says what (``issuers``).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from delivery_api.issuers import (
    ACCOUNT_ISSUER,
    LAUNCH_ISSUER,
    MAX_NAME,
    Issuer,
    claimed,
    is_name,
    names_of,
)
from delivery_api.keys import ProviderKeys
from delivery_api.settings import ApiSettings
from qbank.settings import Settings
from qbank.stores.service_accounts import ID as ACCOUNT_ID
from qbank.vocabulary import Scope, code_of

_REQUIRED: Final = ["exp", "iss", "aud"]
_MAX_KEPT: Final = 20_000
# a claim that is nested too deeply, or a time of 10^400, is no error of PyJWT's
_UNREADABLE: Final = (jwt.PyJWTError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    Attributes:
        user_id: the token's ``sub``.
        tenant_id: every row read or written is of this tenant.
        roles: those of the token's roles that the API knows.
        expires_at: Unix time at which the token ends.
        scopes: what a service account may do, which has no roles.
        credential: by what it signed in; None: a person.
        exam_code: the one exam that a person of a learning platform was launched into, by the
            tenant's code; None: not launched, and of all exams.
        launch: that launch.
    """

    user_id: str
    tenant_id: str
    roles: frozenset[str]
    expires_at: float
    scopes: frozenset[str] = frozenset()
    credential: str | None = None
    exam_code: str | None = None
    launch: str | None = None

    def may(self, roles: Collection[str], scope: Scope | None = None) -> bool:
        """Whether the caller has one of the roles, or as a service account the scope."""
        return not self.roles.isdisjoint(roles) or scope in self.scopes

    def sits(self, exam_key: str) -> bool:
        """Whether quizzes of the exam are the caller's: whoever was launched has those of one."""
        return self.exam_code in (None, code_of(exam_key))


class TokenError(Exception):
    """A token that is not accepted; the message is safe to show."""


@dataclass(frozen=True, slots=True)
class _Door:
    """By what an issuer's tokens are checked: its keys, or the shared secret."""

    issuer: Issuer
    algorithms: tuple[str, ...]
    keys: ProviderKeys | str | bytes


class Tokens:
    """Checks tokens, and makes them where mock login exists.

    Who a token says that it is of decides whose keys it is checked by, and nothing else. One that
    was found good is kept until it expires, so that a session's requests pay for one signature
    check. What is kept is the token itself: a changed byte is another token.
    """

    def __init__(self, api: ApiSettings, settings: Settings) -> None:
        self._own_issuer = api.jwt_issuer
        self._own_audience = api.jwt_audience
        self._leeway_s = api.jwt_leeway_s
        self._known: dict[str, Principal] = {}
        self._doors: dict[str, _Door] = {}
        for one in api.issuers():
            if one.jwks_url is None:
                door = _Door(one, ("HS256",), api.signing_secret(settings))
            else:
                door = _Door(one, ("RS256", "ES256"), ProviderKeys(one.jwks_url))
            self._doors[one.issuer] = door
        # the same in every process, as what they are made from
        key = api.selection_key(settings)
        self._account_key = hmac.new(key, b"service accounts", hashlib.sha256).digest()
        self._launch_key = hmac.new(key, b"launches", hashlib.sha256).digest()
        for name, own_key in (
            (ACCOUNT_ISSUER, self._account_key),
            (LAUNCH_ISSUER, self._launch_key),
        ):
            own = Issuer(issuer=name, audience=api.jwt_audience, jwks_url=None)
            self._doors[name] = _Door(own, ("HS256",), own_key)
        self._bound = frozenset(
            tenant for door in self._doors.values() for tenant in door.issuer.tenants or ()
        )

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
        door = self._door(token)
        found = self._check(token, door, await _key(token, door.keys))
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
            "iss": self._own_issuer,
            "aud": self._own_audience,
        }
        door = self._doors.get(self._own_issuer)
        secret = door and door.keys
        if not isinstance(secret, str):
            raise TypeError("tokens are made where they are signed with the shared secret")
        return jwt.encode(claims, secret, algorithm="HS256")

    def issue_to_account(
        self, client_id: str, tenant_id: str, scopes: Sequence[str], credential: str, seconds: int
    ) -> str:
        """Signs a token of a service account (claims as in RFC 9068)."""
        now = int(time.time())
        claims = {
            "iss": ACCOUNT_ISSUER,
            "aud": self._own_audience,
            "sub": client_id,
            "client_id": client_id,
            "tenant_id": tenant_id,
            "scope": " ".join(scopes),
            "credential": credential,
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._account_key, "HS256", headers={"typ": "at+jwt"})

    def issue_to_launched(
        self, user_id: str, tenant_id: str, exam_code: str, launch: str, seconds: int
    ) -> str:
        """Signs a token of a student whom a learning platform launched into one exam."""
        now = int(time.time())
        claims = {
            "iss": LAUNCH_ISSUER,
            "aud": self._own_audience,
            "sub": user_id,
            "tenant_id": tenant_id,
            "exam": exam_code,
            "launch": launch,
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._launch_key, "HS256")

    def _door(self, token: str) -> _Door:
        """That of the issuer whom the token names; nothing is fetched for a name that is not ours.

        Raises:
            TokenError: it names none.
        """
        try:
            name = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except _UNREADABLE as error:
            raise _not_accepted(error) from error
        door = self._doors.get(name) if isinstance(name, str) else None
        if door is None:
            raise TokenError(f"the token's issuer {_shown(name)} is unknown here")
        return door

    def _check(self, token: str, door: _Door, key: Any) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=door.algorithms,
                issuer=door.issuer.issuer,
                audience=door.issuer.audience,
                leeway=self._leeway_s,
                options={"require": _REQUIRED},
            )
            if door.issuer.issuer == ACCOUNT_ISSUER:
                return _account(claims)
            if door.issuer.issuer == LAUNCH_ISSUER:
                return _launched(claims)
            found = _principal(claims, door.issuer)
        except jwt.ExpiredSignatureError as error:
            raise TokenError("the token has expired: log in again") from error
        except _UNREADABLE as error:
            raise _not_accepted(error) from error
        if not door.issuer.speaks_for(found.tenant_id, self._bound):
            raise TokenError(
                f"the token's issuer {_shown(door.issuer.issuer)} does not speak for tenant"
                f" {_shown(found.tenant_id)}"
            )
        return found


async def _key(token: str, keys: ProviderKeys | str | bytes) -> Any:
    if not isinstance(keys, ProviderKeys):
        return keys
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except _UNREADABLE as error:
        raise _not_accepted(error) from error
    key = await keys.key(key_id)
    if key is None:
        raise TokenError("the token is not accepted (unknown key id)")
    return key


def _shown(value: object) -> str:
    """What a token says, as it may be told: of a size, and without what is no text."""
    return f"{value!r:.200}"


def _at(path: str | tuple[str, ...]) -> str:
    return ".".join(names_of(path))


def _not_accepted(error: Exception) -> TokenError:
    return TokenError(f"the token is not accepted ({type(error).__name__})")


def _principal(claims: dict[str, Any], issuer: Issuer) -> Principal:
    where = issuer.claims
    user_id, tenant_id = claimed(claims, where.user), claimed(claims, where.tenant)
    for path, value in ((where.user, user_id), (where.tenant, tenant_id)):
        if not is_name(value):
            raise TokenError(
                f"the token's {_at(path)} must be a text of 1 to {MAX_NAME} characters"
            )
    if re.fullmatch(ACCOUNT_ID, user_id):
        raise TokenError(f"the token's {_at(where.user)} is the id of a service account")
    roles = claimed(claims, where.roles)
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenError(f"the token's {_at(where.roles)} must be a list of texts")
    known = issuer.known_roles(roles)
    return Principal(user_id, tenant_id, known, float(claims["exp"]))


def _account(claims: dict[str, Any]) -> Principal:
    """Of a token that this service signed, and as it made it."""
    return Principal(
        claims["sub"],
        claims["tenant_id"],
        frozenset(),
        float(claims["exp"]),
        frozenset(claims["scope"].split()),
        claims["credential"],
    )


def _launched(claims: dict[str, Any]) -> Principal:
    """Of a token that this service signed, and as it made it."""
    return Principal(
        claims["sub"],
        claims["tenant_id"],
        frozenset({"student"}),
        float(claims["exp"]),
        exam_code=claims["exam"],
        launch=claims["launch"],
    )
