"""What the marts say: items, topics of a learner, coverage of a blueprint, exposure by day."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from delivery_api.access import AnyRole, Check
from delivery_api.changes import reading
from delivery_api.conflicts import open_sittings
from delivery_api.exam_codes import ShownExam, key_of
from delivery_api.fields import ExamCode, Page, PageNumber, PageSize
from delivery_api.marts import MartRow, Row, page_of
from delivery_api.problems import ProblemError, documented
from delivery_api.queries import StrictRoute
from delivery_api.tokens import Principal

router = APIRouter(
    prefix="/v1/results",
    tags=["results"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)

ExamPath = Annotated[ExamCode, Path()]
UserPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
STAFF: Final = ("analyst", "author", "reviewer", "publisher", "admin")
Reader = Annotated[Principal, Depends(Check(*STAFF, scope="results"))]


class ItemHealth(MartRow, mart="item_health"):
    """How an item of an exam does."""

    exam_code: ShownExam
    question_id: int
    version: int
    topic_id: int
    difficulty_label: str | None
    is_live: bool
    attempts: int
    first_attempts: int
    p_value: float | None
    r_point_biserial: float | None
    median_time_ms: float | None
    p90_time_ms: float | None
    option_shares: dict[str, float] | None
    dead_distractors: list[str] | None
    served: int
    sessions: int
    exposure_rate: float | None
    exposure_rate_lower: float | None
    exposure_rate_upper: float | None
    exposure_rate_28d: float | None
    exposure_rate_28d_lower: float | None
    exposure_rate_28d_upper: float | None
    last_served_on: datetime.date | None
    predicted_exposure_rate: float | None
    observed_sessions: int | None
    observed_exposure_rate: float | None
    tau: float | None
    sh_p: float | None
    is_pinned: bool | None
    irt_model: str | None
    a: float | None
    b: float | None
    c: float | None
    se_a: float | None
    se_b: float | None
    se_c: float | None
    n_respondents: int | None
    certified_tau: float | None
    drift: float | None
    drift_se: float | None
    drift_responses: int | None
    is_low_discrimination: bool | None
    has_suspect_key: bool | None
    is_too_easy: bool | None
    is_too_hard: bool | None
    is_over_exposed: bool | None
    is_unused: bool | None
    is_drifted: bool | None
    has_dead_distractor: bool | None
    flag_count: int | None
    flags: list[str] | None
    severity: str | None
    what_to_do: str | None


class TopicMastery(MartRow, mart="topic_mastery"):
    """How a learner does in a topic, with all topics below it."""

    user_id: str
    topic_id: int
    exam_code: ShownExam
    attempts: int
    correct: int
    accuracy: float | None
    mastery: float | None
    mastery_lower: float | None
    mastery_upper: float | None
    mean_time_ms: float | None
    last_seen_at: datetime.datetime | None


class Coverage(MartRow, mart="blueprint_coverage"):
    """What an exam has of a topic and difficulty, and what it should have."""

    exam_code: ShownExam
    topic_id: int
    difficulty: str
    is_in_blueprint: bool | None
    published_items: int | None
    min_items: int | None
    target_weight: float | None
    published_share: float | None
    share_gap: float | None
    required_items: int | None
    items_to_write: int | None
    administered: int | None
    administered_share: float | None


class DailyExposure(MartRow, mart="exposure_daily_rates"):
    """How often an item was served in the quizzes that ended on a day (UTC)."""

    day: datetime.date
    question_id: int
    version: int
    sessions: int
    served: int
    held_back: int
    forced: int
    exposure_rate: float | None
    exposure_rate_lower: float | None
    exposure_rate_upper: float | None
    selection_rate: float | None


class ItemFairness(MartRow, mart="item_fairness"):
    """Whether an item is harder for a group than for another of equal ability."""

    question_id: int
    version: int
    attribute: str
    focal: str
    reference: str
    n_focal: int
    n_reference: int
    delta: float
    delta_lower: float
    delta_upper: float
    ets_class: str
    favoured: str
    uniform_p: float
    nonuniform_p: float
    q_value: float
    power: float
    examined_at: datetime.datetime


class ItemFit(MartRow, mart="item_fit"):
    """How the answers to an item follow its curve."""

    question_id: int
    version: int
    n: int
    infit: float
    outfit: float
    rmsd: float
    is_poor: bool
    shape_p: float | None
    shape_q: float | None
    s_x2: float | None
    s_x2_df: int | None
    s_x2_p: float | None
    dependent_question_id: int | None
    dependent_version: int | None
    q3: float | None
    change_q: float | None
    is_compromised: bool
    compromised_since: datetime.datetime | None
    n_since: int | None
    shift_since: float | None
    slowness_since: float | None
    examined_at: datetime.datetime


def _of_exam(
    model: type[Row],
    request: Request,
    caller: Principal,
    exam_code: str | None,
    page: int,
    page_size: int,
    *,
    order: Sequence[str],
    at_least: Mapping[str, Any] | None = None,
    **equal: Any,
) -> Page[Row]:
    """Rows of the caller's tenant, and of the exam where one is named; see ``page_of``."""
    with reading(request, caller) as conn:
        exam = key_of(conn, caller.tenant_id, exam_code)
        rows, total = page_of(
            conn,
            model,
            equal={"tenant_id": caller.tenant_id, "exam_code": exam, **equal},
            at_least=at_least,
            order=order,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page(items=rows, total=total, page=page, page_size=page_size)


@router.get("/items", summary="Item health")
def list_item_health(
    caller: Reader,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    question_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    sort: Literal["flag_count", "exposure_rate", "p_value", "question_id"] = "flag_count",
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[ItemHealth]:
    """Items with their statistics, parameters and flags; most flags first."""
    first = sort if sort in ("question_id", "p_value") else f"-{sort}"
    return _of_exam(
        ItemHealth,
        request,
        caller,
        exam_code,
        page,
        page_size,
        order=[first, "exam_code", "question_id", "version"],
        question_id=question_id,
    )


@router.get("/topics/{user}", summary="A learner's topics")
def list_topic_mastery(
    user: UserPath,
    caller: AnyRole,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[TopicMastery]:
    """One's own, or anybody's for analysts and admins.

    Of one's own, an exam is left out while one has a quiz of it in exam mode open.
    """
    if user != caller.user_id and not caller.may(("analyst", "admin"), "results"):
        raise ProblemError(
            403,
            "forbidden",
            "another user's results need the role analyst or admin, or the scope results",
        )
    with reading(request, caller) as conn:
        unsealed = open_sittings(conn, caller) if user == caller.user_id else []
        rows, total = page_of(
            conn,
            TopicMastery,
            equal={
                "tenant_id": caller.tenant_id,
                "user_id": user,
                "exam_code": key_of(conn, caller.tenant_id, exam_code),
            },
            none_of={"exam_code": unsealed},
            order=["exam_code", "topic_id"],
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page(items=rows, total=total, page=page, page_size=page_size)


@router.get("/coverage/{exam_code}", summary="Coverage of the blueprint")
def list_coverage(
    exam_code: ExamPath,
    caller: Reader,
    request: Request,
    page: PageNumber = 1,
    page_size: PageSize = 200,
) -> Page[Coverage]:
    """Topics and difficulties with what is there and what is still to write."""
    return _of_exam(
        Coverage,
        request,
        caller,
        exam_code,
        page,
        page_size,
        order=["topic_id", "difficulty"],
    )


@router.get("/exams/{exam_code}/exposure", summary="Exposure by day")
def list_daily_exposure(
    exam_code: ExamPath,
    caller: Reader,
    request: Request,
    since: Annotated[datetime.date | None, Query(description="this day or later")] = None,
    question_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[DailyExposure]:
    """Exposure rates of items by day, newest day and most exposed first."""
    return _of_exam(
        DailyExposure,
        request,
        caller,
        exam_code,
        page,
        page_size,
        order=["-day", "-exposure_rate", "question_id", "version"],
        at_least={"day": since},
        question_id=question_id,
    )


@router.get("/exams/{exam_code}/fairness", summary="Fairness of items")
def list_item_fairness(
    exam_code: ExamPath,
    caller: Reader,
    request: Request,
    attribute: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]+$")] = None,
    question_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[ItemFairness]:
    """Differential item functioning, the most certain first."""
    return _of_exam(
        ItemFairness,
        request,
        caller,
        exam_code,
        page,
        page_size,
        order=["q_value", "question_id", "version", "attribute", "focal"],
        attribute=attribute,
        question_id=question_id,
    )


@router.get("/exams/{exam_code}/fit", summary="Fit of items")
def list_item_fit(
    exam_code: ExamPath,
    caller: Reader,
    request: Request,
    question_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[ItemFit]:
    """How answers follow the items' curves: compromised items first, then the worst."""
    return _of_exam(
        ItemFit,
        request,
        caller,
        exam_code,
        page,
        page_size,
        order=["-is_compromised", "-is_poor", "-rmsd", "question_id", "version"],
        question_id=question_id,
    )
