"""A technical report that is asked for over the API.

What never lives here: the request's row and its end (``qbank.importing.requested``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qbank.postgres import connect
from qbank.reporting.keeping import renew
from qbank.requests.reports import ReportRequest
from qbank.stores import item_bank

if TYPE_CHECKING:
    from qbank.importing.requested import Work


def write_report(work: Work) -> None:
    """Writes the report; the request says whether it is a new one."""
    asked = work.asked
    options = ReportRequest.model_validate(asked.options)
    with connect("owner", settings=work.settings) as conn:
        exam = item_bank.exam(conn, work.exam, tenant_id=asked.tenant_id)
    report, is_new = renew(exam.exam_code, cuts=options.cuts, settings=work.settings)
    if is_new:
        work.on_report(report)
    with connect("owner", settings=work.settings) as conn:
        work.end(conn, "done", {"is_new": is_new, "sha256": report.sha256})
