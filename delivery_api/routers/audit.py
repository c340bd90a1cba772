"""Who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel

from delivery_api.access import Admin
from delivery_api.changes import reading
from delivery_api.exam_codes import in_codes
from delivery_api.fields import PageNumber, PageSize
from delivery_api.paging import Cursor, LongPage, place
from delivery_api.problems import documented
from delivery_api.queries import StrictRoute
from qbank.stores import audit

router = APIRouter(
    prefix="/v1/admin/audit",
    tags=["audit"],
    responses=documented(401, 403, 422, 503),
    route_class=StrictRoute,
)


class AuditEntry(BaseModel):
    """One change."""

    id: int
    actor: str
    action: str
    target: Annotated[str, AfterValidator(in_codes)]
    details: dict[str, Any]
    request_id: str | None
    created_at: datetime


@router.get("", summary="The audit log")
def list_audit(
    caller: Admin,
    request: Request,
    action: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_.]+$")] = None,
    actor: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]+$")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[AuditEntry]:
    """Changes made through the API, newest first."""
    where = place(request, caller, page, page_size, cursor)
    with reading(request, caller) as conn:
        rows, total = audit.entries(
            conn,
            caller.tenant_id,
            action=action,
            actor=actor,
            limit=where.size,
            offset=where.offset,
            after=where.after[0] if where.after else None,
            total=where.total,
        )
    found = [AuditEntry.model_validate(row, from_attributes=True) for row in rows]
    return LongPage(**where.page(found, total, (rows[-1].id,) if rows else None))
