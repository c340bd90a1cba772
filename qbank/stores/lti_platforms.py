"""Learning platforms that may launch people into exams (LTI 1.3): registered, listed, removed.

A registration is of one tenant. It holds no secret: the platform is known by the keys that it
publishes, and knows this tool by the key that the tool publishes. What never lives here: launches
(``delivery_api.lti``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from qbank.stores.audit import Audit
from qbank.stores.errors import ConflictError, InvalidValueError, NotFoundError
from qbank.web_addresses import encrypted, web_address

_LONGEST_NAME: Final = 100
_LONGEST: Final = 1000
_ADDRESSES: Final = ("auth_url", "token_url", "jwks_url")
_LISTED: Final = """SELECT p.id, p.tenant_id, p.name, p.issuer, p.client_id, p.deployment_ids,
        p.auth_url, p.token_url, p.jwks_url, p.created_at,
        (SELECT count(*) FROM lti_launches AS l WHERE l.platform_id = p.id) AS launches,
        (SELECT max(l.created_at) FROM lti_launches AS l WHERE l.platform_id = p.id) AS last_launch
    FROM lti_platforms AS p
    WHERE p.removed_at IS NULL AND (%(tenant)s::text IS NULL OR p.tenant_id = %(tenant)s)
    ORDER BY p.created_at DESC, p.id"""


@dataclass(frozen=True)
class Platform:
    """What the platform's own page says of it.

    Attributes:
        name: what people call it.
        issuer: what ``iss`` of its messages says.
        client_id: what it calls this tool.
        deployment_ids: where in it the tool was installed; others may not launch.
        auth_url: where a login goes on (OpenID Connect authorization).
        token_url: where tokens for its services are had.
        jwks_url: where its public keys are.
        token_audience: what the token endpoint wants to be called; None: its address.
    """

    name: str
    issuer: str
    client_id: str
    deployment_ids: tuple[str, ...]
    auth_url: str
    token_url: str
    jwks_url: str
    token_audience: str | None = None


def add(
    conn: Connection[Any], tenant_id: str, platform: Platform, *, dev: bool, audit: Audit
) -> UUID:
    """Registers a platform.

    Args:
        conn: in a transaction of the owner.
        tenant_id: whose exams it launches into.
        platform: as its own page has it.
        dev: whether it may be reached over plain http.
        audit: notes it.

    Raises:
        InvalidValueError: a text or an address that cannot be.
        ConflictError: the issuer's client id is registered, by whichever tenant.
    """
    _refuse_text("tenant", tenant_id, 255)
    _refuse_text("name", platform.name, _LONGEST_NAME)
    if not platform.deployment_ids:
        raise InvalidValueError("a platform needs a deployment id: give --deployment, one or more")
    for what, value in (
        ("issuer", platform.issuer),
        ("client id", platform.client_id),
        *(("deployment", value) for value in platform.deployment_ids),
    ):
        _refuse_text(what, value, _LONGEST)
    for name in _ADDRESSES:
        _refuse_address(name, getattr(platform, name), dev=dev)
    deployments = sorted(set(platform.deployment_ids))
    audience = platform.token_audience or platform.token_url
    values = asdict(platform) | {
        "tenant": tenant_id,
        "deployment_ids": deployments,
        "token_audience": audience,
    }
    try:
        row = conn.execute(
            """INSERT INTO lti_platforms (tenant_id, name, issuer, client_id, deployment_ids,
                auth_url, token_url, jwks_url, token_audience)
            VALUES (%(tenant)s, %(name)s, %(issuer)s, %(client_id)s, %(deployment_ids)s,
                %(auth_url)s, %(token_url)s, %(jwks_url)s, %(token_audience)s)
            RETURNING id""",
            values,
        ).fetchone()
    except UniqueViolation as error:
        raise ConflictError(
            f"client id {platform.client_id!r} of issuer {platform.issuer!r} is registered: remove"
            " that registration first (`qbank lti list` has it)"
        ) from error
    assert row is not None  # noqa: S101
    audit(
        "lti.add",
        f"platform={row[0]}",
        name=platform.name,
        issuer=platform.issuer,
        client_id=platform.client_id,
        deployment_ids=deployments,
    )
    return UUID(str(row[0]))


def find(conn: Connection[Any], tenant_id: str | None = None) -> Sequence[dict[str, Any]]:
    """The registrations, or a tenant's, the newest first, with how often people were launched."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LISTED, {"tenant": tenant_id}).fetchall()


def tenant_of(conn: Connection[Any], platform_id: str) -> str:
    """Whose registration it is; until the transaction ends nobody else removes it.

    Raises:
        NotFoundError: there is none, or it is removed.
    """
    row = conn.execute(
        "SELECT tenant_id FROM lti_platforms WHERE id::text = %s AND removed_at IS NULL FOR UPDATE",
        (platform_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"platform {platform_id!r} does not exist: `qbank lti list` has them")
    return str(row[0])


def remove(conn: Connection[Any], platform_id: str, *, audit: Audit) -> None:
    """Ends a registration: no launch of it is taken any more, and scores that wait are not sent.

    Raises:
        NotFoundError: there is none, or it is removed.
    """
    tenant_of(conn, platform_id)
    conn.execute("UPDATE lti_platforms SET removed_at = now() WHERE id::text = %s", (platform_id,))
    audit("lti.remove", f"platform={platform_id}")


def _refuse_text(what: str, value: str, most: int) -> None:
    if not 0 < len(value) <= most or not value.isprintable():
        raise InvalidValueError(f"{what} {value!r} must be 1 to {most} printable characters")


def _refuse_address(name: str, value: str, *, dev: bool) -> None:
    try:
        web_address(value)
        if not dev:
            encrypted(value)
    except ValueError as error:
        option = f"--{name.replace('_', '-')}"
        raise InvalidValueError(f"{option} {value!r}: {error}") from error
