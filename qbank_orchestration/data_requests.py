"""The job that carries out what was asked of the owner over the API: imports, people, reports.

What never lives here: what is done (``qbank.importing.requested``, ``requested_comparison``), and
starting it (``sensors.data_requests``).
"""

from typing import Final
from uuid import UUID

import dagster as dg
from pydantic import Field

from qbank.errors import DatabaseUnavailableError
from qbank.stores import ConflictError, data_requests
from qbank.stores.exam_reports import ExamReport
from qbank_orchestration.assets.report import materialization
from qbank_orchestration.pods import job_tags
from qbank_orchestration.resources import Database

# on Kubernetes runs are pods of their own, and these alone have the owner's password
OWNER: Final = {"env_from": [{"secret_ref": {"name": "qbank-owner", "optional": True}}]}


class DataRequestConfig(dg.Config):
    """Which request.

    Attributes:
        request_id: its id.
    """

    request_id: str = Field(description="Id of a row of data_requests.")


# one at a time: an import takes up to 1 GB, and all of an exam wait for each other anyway
@dg.op(pool="imports")
def data_request(
    context: dg.OpExecutionContext,
    config: DataRequestConfig,
    database: Database,
    presence: dg.ResourceParam[object],
) -> None:
    """Carries it out; its row says what came of it."""
    # pandas and DuckDB's readers: two seconds that no other run need pay
    from qbank.importing.requested import carry_out
    from qbank_orchestration.requested_comparison import compare_rules

    with database.connect() as conn:
        try:
            asked = data_requests.claim(conn, UUID(config.request_id), context.run_id)
        except ConflictError as error:
            context.log.info("%s", error)
            return
    try:
        state = carry_out(
            asked,
            on_report=lambda report: _show(context, report),
            others={"comparison": compare_rules},
        )
    except Exception as error:
        with database.connect() as conn:
            data_requests.note_error(conn, asked, _told(error, context.run_id))
        raise
    about = "a person" if asked.exam is None else f"exam {asked.exam}"
    context.log.info("%s of %s: %s", asked.kind, about, state)


def _show(context: dg.OpExecutionContext, report: ExamReport) -> None:
    """Shows a report that was written on the asset's page."""
    context.log_event(materialization(report, {"why": "asked for"}))


def _told(error: Exception, run_id: str) -> str:
    """What the caller may know of it; the rest is in the run's log, which has the exception."""
    if isinstance(error, DatabaseUnavailableError):
        return (
            f"run {run_id} could not connect to Postgres as the owner: the operator sees to the"
            " owner's password, and the run's log says more"
        )
    return f"an internal error of run {run_id}: the operator's log says more"


@dg.job(
    description="Imports a file that was sent to the API, takes an import back, gives out or erases"
    " what is stored about a person, writes a technical report, compares selection rules.",
    executor_def=dg.in_process_executor,
    tags=job_tags("import", **OWNER),
)
def carry_out_data_request() -> None:
    """One request."""
    data_request()
