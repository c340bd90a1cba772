"""Accounts of programs that call the API: made, listed, given new credentials, ended.

A secret is told once, when it is made; what is kept is its SHA-256. Secrets have 256 random bits:
no list of guesses reaches them, and a slow hash would protect nothing more (NIST SP 800-63B-4,
3.1.2.2, look-up secrets). What never lives here: signing in (``delivery_api.accounts``).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from qbank.stores.audit import Audit
from qbank.stores.errors import ConflictError, InvalidValueError, NotFoundError
from qbank.vocabulary import Scope, words

ID: Final = r"account-[a-z2-7]{20}"
"""What a client id looks like."""
LONGEST_DAYS: Final = 3660
_LONGEST_NAME: Final = 100
_SHORTEST_RSA: Final = 2048

_ACCOUNTS: Final = """SELECT a.id, a.tenant_id, a.name, a.scopes, a.created_at, a.expires_at,
    a.revoked_at,
    CASE WHEN a.revoked_at IS NOT NULL THEN 'revoked'
        WHEN a.expires_at <= now() THEN 'expired' ELSE 'open' END AS state,
    (SELECT count(*) FROM service_account_credentials AS c WHERE c.account_id = a.id
        AND c.secret_sha256 IS NOT NULL AND least(a.expires_at, c.expires_at) > now()) AS secrets,
    (SELECT count(*) FROM service_account_credentials AS c WHERE c.account_id = a.id
        AND c.public_key IS NOT NULL AND least(a.expires_at, c.expires_at) > now()) AS keys
    FROM service_accounts AS a"""


@dataclass(frozen=True)
class Made:
    """An account, or its new credential.

    Attributes:
        client_id: what the program signs in as.
        secret: told here and never again; None where the program has a key.
    """

    client_id: str
    secret: str | None


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def create(
    conn: Connection[Any],
    tenant_id: str,
    name: str,
    scopes: Collection[str],
    *,
    days: int,
    public_key: str | None = None,
    audit: Audit,
) -> Made:
    """Makes an account that ends after ``days``.

    Args:
        conn: in a transaction of the owner.
        tenant_id: whose rows it reads and writes.
        name: what people call it, of one account of the tenant at a time.
        scopes: what it may do.
        days: 1 to 3660.
        public_key: PEM; the account signs in by its private half and has no secret.
        audit: notes it.

    Raises:
        InvalidValueError: a name, scope, time or key that cannot be.
        ConflictError: the tenant has an account of that name.
    """
    _refuse_name("tenant", tenant_id, 255)
    _refuse_name("name", name, _LONGEST_NAME)
    known = words(Scope)
    wrong = sorted(set(scopes) - set(known))
    if wrong or not scopes:
        said = f"scope {wrong[0]!r} is unknown" if wrong else "an account needs a scope"
        raise InvalidValueError(f"{said}: give {', '.join(known)}, one or more")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidValueError(f"an account ends after 1 to {LONGEST_DAYS} days, not {days}")
    client_id = f"account-{base64.b32encode(secrets.token_bytes(20)).decode().lower()[:20]}"
    try:
        conn.execute(
            """INSERT INTO service_accounts (id, tenant_id, name, scopes, expires_at)
            VALUES (%s, %s, %s, %s, now() + %s)""",
            (client_id, tenant_id, name, sorted(set(scopes)), timedelta(days=days)),
        )
    except UniqueViolation as error:
        raise ConflictError(
            f"tenant {tenant_id} has an account {name!r}: rotate or revoke it, or choose another"
            " name"
        ) from error
    secret = _add_credential(conn, client_id, public_key)
    audit(
        "account.create",
        f"account={client_id}",
        name=name,
        scopes=sorted(set(scopes)),
        days=days,
        by="secret" if public_key is None else "key",
    )
    return Made(client_id, secret)


def find(conn: Connection[Any], tenant_id: str | None = None) -> Sequence[dict[str, Any]]:
    """All accounts, or a tenant's, the newest first, with how many secrets and keys they have."""
    sql = f"""{_ACCOUNTS} WHERE %(tenant)s::text IS NULL OR a.tenant_id = %(tenant)s
        ORDER BY a.created_at DESC, a.id"""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql, {"tenant": tenant_id}).fetchall()


def tenant_of(conn: Connection[Any], client_id: str) -> str:
    """Whose account it is; until the transaction ends nobody else changes it.

    Raises:
        NotFoundError: there is no such account.
    """
    row = conn.execute(
        "SELECT tenant_id FROM service_accounts WHERE id = %s FOR UPDATE", (client_id,)
    ).fetchone()
    if row is None:
        raise NotFoundError(f"account {client_id!r} does not exist: `qbank account list` has them")
    return str(row[0])


def rotate(
    conn: Connection[Any],
    client_id: str,
    *,
    keep: timedelta,
    public_key: str | None = None,
    audit: Audit,
) -> Made:
    """Gives an account a new credential; those of before end after ``keep``.

    Of two rotations at once one is the later, and ends the other's credential as any of before.

    Raises:
        NotFoundError: there is no such account.
        ConflictError: it is revoked or has expired.
        InvalidValueError: a key or time that cannot be.
    """
    if not timedelta() <= keep <= timedelta(days=30):
        raise InvalidValueError("credentials of before are kept for 0 to 43200 minutes (30 days)")
    tenant_of(conn, client_id)
    row = conn.execute(
        """SELECT revoked_at IS NOT NULL, expires_at <= now() FROM service_accounts
        WHERE id = %s""",
        (client_id,),
    ).fetchone()
    if row is not None and any(row):
        what = "is revoked" if row[0] else "has expired"
        raise ConflictError(f"account {client_id} {what}: make another with `qbank account create`")
    conn.execute(
        """UPDATE service_account_credentials SET expires_at = now() + %(keep)s
        WHERE account_id = %(id)s AND coalesce(expires_at > now() + %(keep)s, true)""",
        {"id": client_id, "keep": keep},
    )
    secret = _add_credential(conn, client_id, public_key)
    audit(
        "account.rotate",
        f"account={client_id}",
        keep_minutes=keep.total_seconds() / 60,
        by="secret" if public_key is None else "key",
    )
    return Made(client_id, secret)


def revoke(conn: Connection[Any], client_id: str, *, audit: Audit) -> bool:
    """Ends an account for good; False where it was ended before.

    Raises:
        NotFoundError: there is no such account.
    """
    tenant_of(conn, client_id)
    ended = conn.execute(
        "UPDATE service_accounts SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL",
        (client_id,),
    )
    if ended.rowcount == 0:
        return False
    audit("account.revoke", f"account={client_id}")
    return True


def _add_credential(conn: Connection[Any], client_id: str, public_key: str | None) -> str | None:
    secret = f"qbank-{secrets.token_urlsafe(32)}" if public_key is None else None
    key = None if public_key is None else plain_key(public_key)
    conn.execute(
        """INSERT INTO service_account_credentials
            (account_id, secret_sha256, public_key, created_at)
        VALUES (%s, %s, %s, clock_timestamp())""",
        (client_id, digest(secret) if secret else None, key),
    )
    return secret


def plain_key(pem: str) -> str:
    """A public key as it is kept.

    Raises:
        InvalidValueError: it is none, or none that signs with RS256 or ES256.
    """
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidValueError(
            "the key is no public key in PEM: make one with `openssl pkey -in private.pem -pubout`"
        ) from error
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SHORTEST_RSA) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    )
    if not strong:
        raise InvalidValueError(
            f"the key signs with neither RS256 ({_SHORTEST_RSA} bits or more) nor ES256 (P-256)"
        )
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _refuse_name(what: str, value: str, most: int) -> None:
    if not 0 < len(value) <= most or not value.isprintable():
        raise InvalidValueError(f"{what} {value!r} must be 1 to {most} printable characters")
