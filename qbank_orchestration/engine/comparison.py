"""Selection rules compared for an exam as it is delivered: its pool, population, length and caps.

What never lives here: the comparison itself (``calibration.compare_rules``), how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import Connection

from qbank.errors import QbankError
from qbank.exams import selectors
from qbank.requests import SympsonHetter
from qbank.requests.topic_caps import resolve
from qbank.stores import item_bank
from qbank_orchestration.engine import conditions, population
from qbank_orchestration.engine.exposure import bank_of

if TYPE_CHECKING:
    from calibration import ComparedRule

SEED = 1
"""The same bank gives the same table."""


@dataclass(frozen=True)
class ExamComparison:
    """What was compared, and the rows.

    Attributes:
        items: calibrated live items.
        theta_dist: population of the simulated examinees.
        tau: largest exposure rate.
        test_length: items in a test.
        quota: "blueprint" or "none".
        rows: one a rule and exposure control.
        settings: of an exam that is delivered as the row says; None where only the library has it.
    """

    items: int
    theta_dist: str
    tau: float
    test_length: int
    quota: str
    rows: tuple[ComparedRule, ...]
    settings: tuple[dict[str, str] | None, ...]


def compare(
    conn: Connection[Any],
    exam_code: str,
    *,
    n: int,
    evaluation_n: int,
    on_row: Callable[[ComparedRule], object] | None = None,
) -> ExamComparison:
    """Compares the rules on an exam's published bank; reads only.

    Args:
        conn: an open connection.
        exam_code: key of the exam.
        n: examinees per iteration of a search.
        evaluation_n: examinees of the evaluation.
        on_row: called with each row as it is found.

    Raises:
        QbankError: no live item has parameters.
        RequestError: a setting of the exam cannot be kept.
        calibration.InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    import calibration as cal  # kept out of the commands' import
    from calibration.exposure.comparison import ARMS

    pool = item_bank.load(conn, exam_code)
    topics = item_bank.topics(conn, pool.exam.tenant_id)
    request = SympsonHetter.resolve(pool.exam, {})
    usable = np.flatnonzero(pool.calibrated)
    if usable.size == 0:
        raise QbankError(
            f"no live item of exam {pool.exam.code!r} has parameters: calibrate it, or import them"
        )
    caps = resolve(topics, pool.topic_id[usable], request.topic_tau, request.topic_weights)
    delivered = conditions.of_request(pool, usable, topics, request)
    people = population.of_exam(conn, pool.exam, request)
    rows = cal.compare_rules(
        bank_of(pool, usable, delivered),
        request.tau,
        delivered.test_length,
        people.theta_dist,
        seed=SEED,
        n=n,
        evaluation_n=evaluation_n,
        quota=delivered.bounds,
        topic_tau=caps.topic_tau,
        topic_weights=caps.topic_weights,
        cap_topic=caps.item_code,
        on_row=on_row,
    )
    return ExamComparison(
        items=int(usable.size),
        theta_dist=people.theta_dist,
        tau=request.tau,
        test_length=delivered.test_length,
        quota=delivered.quota,
        rows=rows,
        settings=tuple(
            selectors.settings_of(str(arm.rule), arm.control)
            for arm, _ in zip(ARMS, rows, strict=False)  # whoever stops it has fewer rows
        ),
    )
