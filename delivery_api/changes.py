"""A change: the caller's transaction together with its row in the audit log.

What never lives here: what is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request

from delivery_api.idempotency import Claim
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.postgres import Connection
from qbank.stores import audit


class Change:
    """One transaction of a caller who changes something.

    Attributes:
        conn: connection in the transaction.
    """

    def __init__(self, conn: Connection, caller: Principal, request_id: str | None) -> None:
        self.conn = conn
        self.caller = caller
        self._request_id = request_id

    def audit(self, action: str, target: str, **details: Any) -> None:
        """Notes the change; it stays if the change does."""
        audit.record(
            self.conn,
            tenant_id=self.caller.tenant_id,
            actor=self.caller.user_id,
            action=action,
            target=target,
            details=details,
            request_id=self._request_id,
        )


@contextmanager
def change(request: Request, caller: Principal) -> Iterator[Change]:
    """Opens the transaction of a change; committed when the block ends without an error."""
    claim: Claim | None = getattr(request.state, "claim", None)
    with Services.of(request).database.transaction(caller.tenant_id, caller.user_id) as conn:
        if claim is not None:
            claim.take(conn, caller)
        yield Change(conn, caller, getattr(request.state, "request_id", None))


@contextmanager
def reading(request: Request, caller: Principal) -> Iterator[Connection]:
    """Opens a transaction that only reads."""
    with Services.of(request).database.transaction(caller.tenant_id) as conn:
        yield conn
