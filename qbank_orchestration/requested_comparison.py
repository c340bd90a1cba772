"""A comparison of selection rules that is asked for over the API.

What never lives here: the comparison (``engine.comparison``), and the request's row and its end
(``qbank.importing.requested``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from qbank.postgres import connect
from qbank.stores import item_bank
from qbank_orchestration.engine import comparison

if TYPE_CHECKING:
    from qbank.importing.requested import Work

N, EVALUATION_N = 4_000, 20_000
"""A rate of a fifth is known to ±.003, and a bank of 500 items takes a minute of two cores."""


def compare_rules(work: Work) -> None:
    """Keeps the table with the request; no connection is open while it is computed."""
    with connect("orchestration", settings=work.settings) as conn:
        exam = item_bank.exam(conn, work.exam, tenant_id=work.asked.tenant_id)
        subject = comparison.Subject.of(conn, exam.exam_code)
    found = comparison.compare(subject, n=N, evaluation_n=EVALUATION_N)
    with connect("owner", settings=work.settings) as conn:
        work.end(conn, "done", asdict(found))
