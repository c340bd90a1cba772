"""Selection rules compared for an exam as it is delivered: its pool, population, length and caps.

What never lives here: the comparison itself (``calibration.compare_rules``), how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from psycopg import Connection

from qbank.errors import RequestError
from qbank.exams import selectors
from qbank.requests import SympsonHetter
from qbank.requests.topic_caps import TopicCaps, resolve
from qbank.stores import item_bank
from qbank_orchestration.engine import conditions, population
from qbank_orchestration.engine.exposure import bank_of

if TYPE_CHECKING:
    from calibration import ComparedRule, ItemBank, RuleArm
    from calibration.exposure.comparison import ControlName

SEED = 1
"""The same bank gives the same table."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An exam as its tests are made, read whole: nothing is read while rules are compared.

    Attributes:
        exam_code: its key.
        bank: calibrated live items.
        delivered: length and quota of its tests.
        caps: by topic.
        tau: largest exposure rate.
        theta_dist: population of the simulated examinees.
        policy: the exam's.
        input_fingerprint: of the pool and of what the exam is set to.
    """

    exam_code: str
    bank: ItemBank
    delivered: conditions.Conditions
    caps: TopicCaps
    tau: float
    theta_dist: str
    policy: Mapping[str, Any]
    input_fingerprint: str

    @classmethod
    def of(cls, conn: Connection[Any], exam_code: str) -> Subject:
        """Reads an exam's published bank, population and settings.

        Raises:
            RequestError: no live item has parameters, or a setting of the exam cannot be kept.
        """
        pool = item_bank.load(conn, exam_code)
        topics = item_bank.topics(conn, pool.exam.tenant_id)
        request = SympsonHetter.resolve(pool.exam, {})
        usable = np.flatnonzero(pool.calibrated)
        if usable.size == 0:
            raise RequestError(
                f"no live item of exam {pool.exam.code!r} has parameters: calibrate it, or import"
                " them"
            )
        delivered = conditions.of_request(pool, usable, topics, request)
        return cls(
            exam_code=pool.exam.exam_code,
            bank=bank_of(pool, usable, delivered),
            delivered=delivered,
            caps=resolve(topics, pool.topic_id[usable], request.topic_tau, request.topic_weights),
            tau=request.tau,
            theta_dist=population.of_exam(conn, pool.exam, request).theta_dist,
            policy=pool.exam.policy,
            input_fingerprint=pool.fingerprint(),
        )

    def arms(self) -> tuple[RuleArm, ...]:
        """The usual ones, and the exam's own where that is none of them."""
        from calibration.exposure.comparison import ARMS, RuleArm

        rule, control = selectors.rule_and_control(self.policy)
        own = next((a for a in ARMS if (str(a.rule), a.control) == (rule, control)), None)
        return ARMS if own else (*ARMS, RuleArm(rule, cast("ControlName", control)))


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
        in_use: which row the exam is set to; None where the comparison was stopped before it.
        more_items: that a test by the row would need to measure as precisely as the row in use,
            about: errors of θ̂ fall as the root of the length. None without such a row.
        evaluation_n: fresh examinees of each row.
        input_fingerprint: of the pool and of what the exam was set to.
    """

    items: int
    theta_dist: str
    tau: float
    test_length: int
    quota: str
    rows: tuple[ComparedRule, ...]
    settings: tuple[dict[str, str] | None, ...]
    in_use: int | None
    more_items: tuple[float | None, ...]
    evaluation_n: int
    input_fingerprint: str


def compare(
    subject: Subject,
    *,
    n: int,
    evaluation_n: int,
    on_row: Callable[[ComparedRule], object] | None = None,
) -> ExamComparison:
    """Compares the rules on an exam's published bank.

    Args:
        subject: the exam.
        n: examinees per iteration of a search.
        evaluation_n: examinees of the evaluation.
        on_row: called with each row as it is found; returning False leaves the rest out.

    Raises:
        calibration.InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    import calibration as cal  # kept out of the commands' import

    arms, test_length = subject.arms(), subject.delivered.test_length
    rows = cal.compare_rules(
        subject.bank,
        subject.tau,
        test_length,
        subject.theta_dist,
        arms,
        seed=SEED,
        n=n,
        evaluation_n=evaluation_n,
        quota=subject.delivered.bounds,
        topic_tau=subject.caps.topic_tau,
        topic_weights=subject.caps.topic_weights,
        cap_topic=subject.caps.item_code,
        on_row=on_row,
    )
    # whoever stops it has fewer rows
    settings = [selectors.settings_of(str(arm.rule), arm.control) for arm in arms[: len(rows)]]
    own = selectors.delivered(subject.policy)
    in_use = settings.index(own) if own in settings else None
    return ExamComparison(
        items=len(subject.bank),
        theta_dist=subject.theta_dist,
        tau=subject.tau,
        test_length=test_length,
        quota=subject.delivered.quota,
        rows=rows,
        settings=tuple(settings),
        in_use=in_use,
        more_items=_more_items(rows, in_use, test_length),
        evaluation_n=evaluation_n,
        input_fingerprint=subject.input_fingerprint,
    )


def _more_items(
    rows: Sequence[ComparedRule], in_use: int | None, test_length: int
) -> tuple[float | None, ...]:
    if in_use is None:
        return (None,) * len(rows)
    own = rows[in_use].rmse
    return tuple(round(test_length * ((row.rmse / own) ** 2 - 1), 1) for row in rows)
