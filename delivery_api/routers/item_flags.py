"""Flags of items: where they stand, what changed, what happened, and deciding on one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, computed_field

from delivery_api.access import Check
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam, key_of
from delivery_api.fields import (
    Body,
    ExamCode,
    Identifier,
    Moment,
    Name,
    Page,
    PageNumber,
    PageSize,
    Reason,
    Version,
)
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from delivery_api.routers.results import STAFF, Reader
from delivery_api.tokens import Principal
from qbank.item_flags import FLAGS
from qbank.stores import flag_decisions, item_bank, item_flags
from qbank.vocabulary import FlagAction, FlagChangeKind, FlagEventKind, FlagStanding

router = APIRouter(
    prefix="/v1/results/flags",
    tags=["results"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

Decider = Annotated[Principal, Depends(Check(*STAFF))]  # a person, who can be asked why
QuestionId = Annotated[int, Query(ge=1, le=2**63 - 1)]
_DAY = timedelta(days=1)


class _OfFlag(BaseModel):
    """What is told of a flag beside its name."""

    flag: str = Field(description="a column of item health")

    @computed_field(description="what people call it")  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return FLAGS[self.flag].label if self.flag in FLAGS else self.flag

    @computed_field(  # type: ignore[prop-decorator]
        description="act today, look this week or note; null for a flag of an earlier release"
    )
    @property
    def severity(self) -> str | None:
        return FLAGS[self.flag].severity if self.flag in FLAGS else None


class RaisedFlag(_OfFlag):
    """A flag that a live item bears, and where it stands."""

    exam_code: ShownExam
    question_id: int
    version: int
    external_ref: str | None
    raised_at: datetime = Field(description="the build of the marts that found it")
    standing: FlagStanding = Field(
        description="by the newest decision; a snooze that is over leaves it open"
    )
    assignee: str | None = Field(description="whom the newest decision gives it to")
    snoozed_until: datetime | None = Field(description="when the newest decision's snooze ends")
    reason: str | None = Field(description="of the newest decision")
    decided_by: str | None
    decided_at: datetime | None


class FlagChange(_OfFlag):
    """A flag that is new since a moment, or gone."""

    change: FlagChangeKind
    exam_code: ShownExam
    question_id: int
    version: int
    external_ref: str | None
    at: datetime = Field(description="the build of the marts that found it so")


class FlagEvent(_OfFlag):
    """Something that happened to a flag of an item."""

    event: FlagEventKind
    version: int
    at: datetime
    by: str | None = Field(description="who decided; null for what a build of the marts found")
    reason: str | None
    assignee: str | None
    snoozed_until: datetime | None


class FlagDecision(Body):
    """What is decided on a flag."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "exam_code": "MED-A",
                    "question_id": 17,
                    "version": 1,
                    "flag": "is_drifted",
                    "action": "assigned",
                    "assignee": "rita",
                    "reason": "easier since the new textbook: look for the passage",
                }
            ]
        }
    )

    exam_code: ExamCode
    question_id: Identifier
    version: Version = Field(description="the version that bears the flag")
    flag: Name = Field(description=f"one of {', '.join(f'`{flag}`' for flag in FLAGS)}")
    action: FlagAction
    reason: Reason = Field(description="why, for whoever looks later")
    assignee: Name | None = Field(default=None, description="with `assigned`: who takes it")
    # JSON has no times, so that a strict body would take none
    snoozed_until: Annotated[Moment, Field(strict=False)] | None = Field(
        default=None,
        description="with `snoozed`: when it is open again, at most"
        f" {flag_decisions.LONGEST_SNOOZE.days} days from now; a day is its beginning, in UTC",
    )


@router.get("", summary="Flags of items, and where they stand")
def list_item_flags(
    caller: Reader,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    question_id: QuestionId | None = None,
    standing: Annotated[
        list[FlagStanding] | None,
        Query(max_length=4, description="may be given again: any of them"),
    ] = None,
    assignee: Annotated[Name | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[RaisedFlag]:
    """Flags that live items bear as of the last build of the marts, the most urgent first."""
    with reading(request, caller) as conn:
        found = item_flags.raised(
            conn,
            caller.tenant_id,
            exam_code=key_of(conn, caller.tenant_id, exam_code),
            question_id=question_id,
            standing=standing,
            assignee=assignee,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page[RaisedFlag].of(found, page, page_size)


@router.get("/changes", summary="Flags that are new or gone")
def list_flag_changes(
    caller: Reader,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    since: Annotated[Moment | None, Query(description="left out: 24 hours ago")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[FlagChange]:
    """What changed since a moment: new flags first, then those that are gone."""
    with reading(request, caller) as conn:
        found = item_flags.changes(
            conn,
            caller.tenant_id,
            since=since or datetime.now(UTC) - _DAY,
            exam_code=key_of(conn, caller.tenant_id, exam_code),
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page[FlagChange].of(found, page, page_size)


@router.get("/history", summary="What happened to an item's flags")
def list_flag_history(
    caller: Reader,
    request: Request,
    exam_code: Annotated[ExamCode, Query()],
    question_id: QuestionId,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[FlagEvent]:
    """When they were raised, decided on and gone, over all versions, newest first."""
    with reading(request, caller) as conn:
        found = item_flags.history(
            conn,
            caller.tenant_id,
            exam_code=key_of(conn, caller.tenant_id, exam_code),
            question_id=question_id,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page[FlagEvent].of(found, page, page_size)


@router.post("/decisions", summary="Decide on a flag", responses=documented(404, 409))
def decide_on_flag(body: FlagDecision, caller: Decider, request: Request) -> RaisedFlag:
    """Acknowledges, assigns, snoozes or reopens it; kept in its history and in the audit log.

    It holds for this version and as long as the flag is raised: one that comes back is open.
    """
    with change(request, caller) as step:
        exam = item_bank.exam(step.conn, body.exam_code, tenant_id=caller.tenant_id)
        given = body.model_dump(exclude={"exam_code"})
        found = flag_decisions.decide(
            step.conn, caller.tenant_id, exam_code=exam.exam_code, by=caller.user_id, **given
        )
        target = f"exam={exam.exam_code} question={body.question_id} version={body.version}"
        step.audit(
            f"item_flag.{body.action}",
            target,
            **body.model_dump(
                mode="json",
                include={"flag", "reason", "assignee", "snoozed_until"},
                exclude_none=True,
            ),
        )
    return RaisedFlag.model_validate(asdict(found))
