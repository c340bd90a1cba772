"""Feature flags, and who is in which arm of an experiment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.fields import Body, Name, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import ProblemError, documented
from delivery_api.quizzes.enrolment import COHORT_KEY, FLAG_KEY, strategy
from qbank.stores import cohorts
from qbank.vocabulary import ADAPTIVE

router = APIRouter(
    prefix="/v1/admin",
    tags=["experiments"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
KeyPath = Annotated[Key, Path()]
UserPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
_MAX_JSON = 4_000


class SetFlag(Body):
    """A flag's value."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"enabled": True, "value_json": {"split": {"vanilla": 1, "sympson_hetter": 1}}}
            ]
        }
    )

    enabled: bool
    value_json: JsonValue = Field(
        default=None,
        description=f"for `{FLAG_KEY}`: a selector, or {{'split': {{selector: weight}}}}",
    )


class Flag(BaseModel):
    """A feature flag that holds for the tenant."""

    key: str
    enabled: bool
    value_json: JsonValue
    tenant_id: str | None = Field(description="null: holds for every tenant without its own")
    updated_at: datetime


class AssignCohort(Body):
    """Users to put into arms: a given arm for all, or arms by weight."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_ids": ["student-1", "student-2"],
                    "weights": {"vanilla": 1, "sympson_hetter": 1},
                }
            ]
        }
    )

    user_ids: Annotated[list[Name], Field(min_length=1, max_length=10_000)]
    value: Name | None = Field(default=None, description="the arm of all of them")
    weights: Annotated[dict[Name, float], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="or: shares of the arms; who is where follows from the user's id"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> AssignCohort:
        if (self.value is None) == (self.weights is None):
            raise ValueError("give either value or weights")
        if self.weights is not None and not cohorts.usable(self.weights):
            raise ValueError(
                f"weights must be numbers from 0 to {cohorts.MAX_WEIGHT:g}, one above 0"
            )
        return self


class Assignment(BaseModel):
    """A user's arm."""

    user_id: str
    cohort_key: str
    cohort_value: str
    assigned_at: datetime


@router.get("/flags", summary="Feature flags")
def list_flags(caller: Analyst, request: Request) -> list[Flag]:
    """The flags that hold for the tenant, by key."""
    with reading(request, caller) as conn:
        rows = cohorts.flags(conn, caller.tenant_id)
    return [Flag.model_validate(row, from_attributes=True) for row in rows]


@router.put("/flags/{key}", summary="Set a feature flag")
def set_flag(key: KeyPath, body: SetFlag, caller: Admin, request: Request) -> Flag:
    """Sets the tenant's own flag; `selector_strategy` decides how items are chosen."""
    _refuse_unusable(key, body)
    with change(request, caller) as step:
        flag = cohorts.set_flag(
            step.conn, caller.tenant_id, key, enabled=body.enabled, value=body.value_json
        )
        step.audit("flag.set", f"flag={key}", enabled=body.enabled, value_json=body.value_json)
    return Flag.model_validate(flag, from_attributes=True)


def _refuse_unusable(key: str, body: SetFlag) -> None:
    if len(str(body.value_json)) > _MAX_JSON or "\x00" in str(body.value_json):
        raise ProblemError(422, "invalid-value", f"value_json is over {_MAX_JSON} characters")
    if key == FLAG_KEY and body.enabled and strategy(body.value_json) is None:
        arms = " or ".join(ADAPTIVE)
        raise ProblemError(
            422,
            "invalid-value",
            f"{FLAG_KEY} is {body.value_json!r}: give {arms}, or {{'split': {{selector: weight}}}}",
        )


@router.get("/cohorts", summary="Cohort assignments")
def list_cohorts(
    caller: Analyst,
    request: Request,
    cohort_key: Annotated[Key | None, Query()] = None,
    user_id: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]+$")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[Assignment]:
    """Who is in which arm, by key and user."""
    with reading(request, caller) as conn:
        found = cohorts.assignments(
            conn,
            caller.tenant_id,
            cohort_key=cohort_key,
            user_id=user_id,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page[Assignment].of(found, page, page_size)


@router.put("/cohorts/{cohort_key}", summary="Assign users to arms")
def assign_cohort(
    cohort_key: Annotated[Key, Path()], body: AssignCohort, caller: Admin, request: Request
) -> list[Assignment]:
    """Puts users into arms; by weights, the same users get the same arms whenever it is done."""
    arms = {
        user: body.value or cohorts.arm(cohort_key, caller.tenant_id, user, body.weights or {})
        for user in body.user_ids
    }
    wrong = sorted(set(arms.values()) - set(ADAPTIVE)) if cohort_key == COHORT_KEY else []
    if wrong:
        raise ProblemError(
            422, "invalid-value", f"arms {wrong} are no selectors: use {' or '.join(ADAPTIVE)}"
        )
    with change(request, caller) as step:
        rows = cohorts.assign(step.conn, caller.tenant_id, cohort_key, arms)
        step.audit(
            "cohort.assign",
            f"cohort={cohort_key}",
            users=len(arms),
            value=body.value,
            weights=body.weights,
        )
    return [Assignment.model_validate(row, from_attributes=True) for row in rows]


@router.delete(
    "/cohorts/{cohort_key}/{user_id}",
    status_code=204,
    summary="Take a user out of a cohort",
    responses=documented(404),
)
def unassign_cohort(
    cohort_key: Annotated[Key, Path()], user_id: UserPath, caller: Admin, request: Request
) -> Response:
    """The user's next quiz is chosen by the flag again."""
    with change(request, caller) as step:
        cohorts.remove(step.conn, caller.tenant_id, cohort_key, user_id)
        step.audit("cohort.unassign", f"cohort={cohort_key} user={user_id}")
    return Response(status_code=204)
