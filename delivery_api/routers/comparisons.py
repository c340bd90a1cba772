"""Selection rules compared on an exam's own pool and population: read, and asked for anew.

What never lives here: the comparison, which the orchestrator makes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from delivery_api.access import Admin, Analyst
from delivery_api.asking import ACCEPTED, ask
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from delivery_api.routers.exams import ExamPath
from qbank.exams import selectors
from qbank.postgres import Connection
from qbank.stores import data_requests, item_bank
from qbank.stores.data_requests import DataRequest
from qbank.stores.item_bank import Pool
from qbank.vocabulary import ComparisonRequestKind, DataRequestState

router = APIRouter(
    prefix="/v1/exams",
    tags=["exposure"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=ChangeRoute,
)
_KIND: Final[ComparisonRequestKind] = "comparison"


class ComparedRule(BaseModel):
    """What a selection rule under a kind of exposure control does; less is better."""

    rule: str = Field(description="selection rule, with its constants")
    control: str = Field(description="how exposure is controlled")
    settings: dict[str, str] | None = Field(
        description="of an exam that is delivered like this; null: the library alone has it"
    )
    in_use: bool = Field(description="what the exam is set to now")
    on_front: bool = Field(
        description="no other row is as good in max_exposure, max_conditional, overlap, unused and"
        " rmse, and better in one"
    )
    max_exposure: float = Field(description="largest exposure rate of an item")
    max_conditional: float = Field(description="largest mean rate in any stratum of ability")
    overlap: float = Field(description="share of items that two examinees have in common")
    unused: float = Field(description="share of the pool that nobody was given")
    chi_square: float = Field(description="unevenness of use")
    rmse: float = Field(description="of the ability estimate, in logits")
    max_conditional_rmse: float = Field(description="largest in any stratum of ability")
    forced: float = Field(description="items per examinee that were given for want of others")
    more_items: float | None = Field(
        description="that a test would need, about, to measure as precisely as the row in use;"
        " null: another row was in use when this was computed"
    )


class Comparison(BaseModel):
    """The newest comparison of an exam."""

    made_at: datetime
    is_current: bool = Field(description="pool and settings of the exam are what they were then")
    items: int = Field(description="calibrated live items")
    tau: float
    test_length: int
    quota: str = Field(description="blueprint or none")
    theta_dist: str = Field(description="population of the simulated examinees")
    evaluation_n: int = Field(description="examinees of each row")
    rows: list[ComparedRule]


class AskedComparison(BaseModel):
    """The newest request for a comparison, and what became of it."""

    id: UUID
    requested_by: str
    state: DataRequestState = Field(
        description="queued, running; done; refused, and `error` says why; failed: it was tried"
        " several times, ask again"
    )
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class Comparisons(BaseModel):
    """What is known of an exam's selection rules."""

    exam_code: ShownExam
    newest: Comparison | None = Field(description="null: none was made yet")
    asked: AskedComparison | None = Field(description="null: nobody asked yet")


@router.get("/{exam_code}/comparison", summary="Selection rules compared for an exam")
def read_comparison(exam_code: ExamPath, caller: Analyst, request: Request) -> Comparisons:
    """The newest table, and how far the newest request for one is."""
    with reading(request, caller) as conn:
        exam = item_bank.exam(conn, exam_code, tenant_id=caller.tenant_id)
        asked = _newest(conn, caller.tenant_id, exam.code, None)
        done = _newest(conn, caller.tenant_id, exam.code, "done")
        newest = None
        if done is not None:
            newest = _shown(done, item_bank.load(conn, exam.exam_code))
    return Comparisons(
        exam_code=exam.exam_code,
        newest=newest,
        asked=None if asked is None else AskedComparison.model_validate(vars(asked)),
    )


@router.post(
    "/{exam_code}/comparison",
    status_code=202,
    summary="Ask for selection rules to be compared for an exam",
    responses=ACCEPTED | documented(429),
)
def ask_for_comparison(
    exam_code: ExamPath, caller: Admin, request: Request, response: Response
) -> AskedComparison:
    """Asks for a comparison on the exam as it is now; the orchestrator takes it up within seconds.

    It changes nothing of the exam. A bank of 500 items takes about a minute.
    """
    with change(request, caller) as step:
        exam = item_bank.exam(step.conn, exam_code, tenant_id=caller.tenant_id)
        made = ask(request, step, _KIND, exam=exam.code)
        step.audit("comparison.ask", f"exam={exam.code} request={made.id}")
    response.headers["location"] = f"{router.prefix}/{exam_code}/comparison"
    return AskedComparison.model_validate(vars(made))


def _newest(
    conn: Connection, tenant_id: str, exam: str, state: DataRequestState | None
) -> DataRequest | None:
    found, _ = data_requests.find(
        conn, tenant_id, kinds=(_KIND,), state=state, exam=exam, limit=1, offset=0
    )
    return found[0] if found else None


def _shown(done: DataRequest, pool: Pool) -> Comparison:
    report = done.report or {}
    own = selectors.delivered(pool.exam.policy)
    settings, more = report["settings"], report["more_items"]
    in_use = settings.index(own) if own in settings else None
    rows: list[dict[str, Any]] = [
        row
        | {
            "settings": settings[at],
            "in_use": at == in_use,
            "more_items": more[at] if in_use == report["in_use"] else None,
        }
        for at, row in enumerate(report["rows"])
    ]
    return Comparison.model_validate(
        report
        | {
            "made_at": done.finished_at,
            "is_current": report["input_fingerprint"] == pool.fingerprint(),
            "rows": rows,
        }
    )
