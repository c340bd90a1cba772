"""Service accounts: programs that sign in by themselves, and the short tokens that they get.

By secret (HTTP Basic) or by signed assertion (``private_key_jwt``), RFC 6749 4.4 and RFC 7523. A
client id that is not there costs the same look, digest and comparison as one that is. What never
lives here: how accounts are made (``qbank.stores``), and what a scope opens (``access``).
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from psycopg.rows import class_row

from delivery_api.database import Database, TenantConnection
from delivery_api.issuers import ACCOUNT_ISSUER, is_name
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Principal, TokenError, Tokens
from qbank.stores import service_accounts

_READ: Final = """SELECT %(client)s::text AS client_id, kept.*
    FROM service_account_credentials_of(%(client)s) AS kept"""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STANDING_S: Final = 15.0
"""A token of an account that is revoked, or whose credential is, ends within so many seconds."""
_ASSERTION_S: Final = 300
_MAX_KEPT: Final = 10_000
# compared with where there is no account, so that both take the same time
_NOBODYS: Final = service_accounts.digest("nobody's")

OAuthErrorCode = Literal[
    "invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"
]


class OAuthError(Exception):
    """A refusal of the token route (RFC 6749 5.2)."""

    def __init__(self, code: OAuthErrorCode, description: str) -> None:
        super().__init__(description)
        self.code: OAuthErrorCode = code


@dataclass(frozen=True, slots=True)
class Credential:
    """By what an account may sign in now.

    Attributes:
        client_id: the account.
        expires_at: when it ends, or the account before it.
    """

    client_id: str
    credential: UUID
    tenant_id: str
    scopes: list[str]
    secret_sha256: bytes | None
    public_key: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountToken:
    """What a program gets.

    Attributes:
        seconds: how long it is good.
    """

    token: str
    seconds: int
    scopes: list[str]


class Accounts:
    """Signs programs in, and knows whether they still may be."""

    def __init__(self, api: ApiSettings, database: Database, tokens: Tokens) -> None:
        self._seconds = api.account_token_s
        self._leeway_s = api.jwt_leeway_s
        self._database = database
        self._tokens = tokens
        self._seen: dict[str, float] = {}

    async def by_secret(self, client_id: str, secret: str) -> Credential:
        """Signs in by a secret.

        Raises:
            OAuthError: invalid_client, the same whatever is wrong.
        """
        told = service_accounts.digest(secret)
        kept = [one for one in await self._credentials(client_id) if one.secret_sha256]
        digests = [one.secret_sha256 or _NOBODYS for one in kept] or [_NOBODYS]
        is_right = [hmac.compare_digest(told, digest) for digest in digests]
        found = next((one for one, right in zip(kept, is_right, strict=False) if right), None)
        if found is None:
            raise _refused()
        return found

    async def by_assertion(self, client_id: str | None, assertion: str) -> Credential:
        """Signs in by a JWT that the program made, once.

        Args:
            client_id: what the request says beside it.
            assertion: signed; its ``iss`` and ``sub`` are the client id, ``aud`` is ours.

        Raises:
            OAuthError: invalid_client.
        """
        try:
            told = jwt.decode(assertion, options={"verify_signature": False}).get("sub")
        except (jwt.PyJWTError, RecursionError) as error:
            raise _refused() from error
        if not isinstance(told, str) or client_id not in (None, told):
            raise _refused()
        for kept in await self._credentials(told):
            claims = self._verified(assertion, told, kept)
            if claims is not None:
                await self._use(told, claims)
                return kept
        raise _refused()

    def token(self, credential: Credential, scope: str | None) -> AccountToken:
        """Signs a token for who is signed in.

        Args:
            credential: by what it signed in.
            scope: names with spaces between them; all of the account's where None.

        Raises:
            OAuthError: invalid_scope.
        """
        asked = credential.scopes if scope is None else scope.split()
        wrong = sorted(set(asked) - set(credential.scopes))
        if wrong or not asked:
            raise OAuthError(
                "invalid_scope", f"this account has the scopes {' '.join(credential.scopes)}"
            )
        left = (credential.expires_at - datetime.now(UTC)).total_seconds()
        seconds = max(min(self._seconds, int(left)), 1)
        scopes = sorted(set(asked))
        token = self._tokens.issue_to_account(
            credential.client_id,
            credential.tenant_id,
            scopes,
            str(credential.credential),
            seconds,
        )
        return AccountToken(token, seconds, scopes)

    async def refuse_ended(self, caller: Principal) -> None:
        """Refuses a token whose account or credential has ended meanwhile.

        Raises:
            TokenError: it has.
            ProblemError: 503, that cannot be told now.
        """
        credential, now = caller.credential, time.monotonic()
        if credential is None or now - self._seen.get(credential, float("-inf")) < STANDING_S:
            return
        open_ones = await self._credentials(caller.user_id)
        if credential not in (str(kept.credential) for kept in open_ones):
            self._seen.pop(credential, None)
            raise TokenError("the account, or what it signed in by, has ended: sign in again")
        if len(self._seen) >= _MAX_KEPT:
            self._seen.clear()
        self._seen[credential] = now  # as of before the look

    async def _credentials(self, client_id: str) -> Sequence[Credential]:
        # another text asks as well, so that it takes the same time
        asked = client_id if re.fullmatch(service_accounts.ID, client_id) else ""

        async def read(conn: TenantConnection) -> list[Credential]:
            async with conn.cursor(row_factory=class_row(Credential)) as cursor:
                await cursor.execute(_READ, {"client": asked})
                return await cursor.fetchall()

        return await self._database.run("", read)

    def _verified(self, assertion: str, client_id: str, kept: Credential) -> dict[str, Any] | None:
        if kept.public_key is None:
            return None
        key = load_pem_public_key(kept.public_key.encode())
        try:
            claims = jwt.decode(
                assertion,
                kept.public_key,
                algorithms=["RS256" if isinstance(key, RSAPublicKey) else "ES256"],
                audience=ACCOUNT_ISSUER,
                issuer=client_id,
                leeway=self._leeway_s,
                options={"require": ["exp", "iss", "sub", "aud", "jti"]},
            )
            lives = float(claims["exp"]) - time.time()
        except (jwt.PyJWTError, OverflowError, RecursionError):
            return None
        is_short = lives <= _ASSERTION_S + self._leeway_s
        return claims if is_short and is_name(claims["jti"]) else None

    async def _use(self, client_id: str, claims: dict[str, Any]) -> None:
        """Takes an assertion, which is good once.

        A connection that is lost in between makes it used: the program signs another.
        """
        until = datetime.fromtimestamp(float(claims["exp"]) + self._leeway_s + 1, UTC)
        values = (client_id, claims["jti"], until)

        async def take(conn: TenantConnection) -> bool:
            cursor = await conn.execute("SELECT use_service_account_assertion(%s, %s, %s)", values)
            row = await cursor.fetchone()
            return bool(row and row[0])

        if not await self._database.run("", take):
            raise _refused()


def _refused() -> OAuthError:
    return OAuthError("invalid_client", "the client id, or what it signs in by, is not right")
