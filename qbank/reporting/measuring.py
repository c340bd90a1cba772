"""How precisely the exam measures: information, standard errors, reliability, decisions at a cut.

What never lives here: SQL of other sections, and the simulation behind a certificate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from qbank.reporting.document import Chart, Line, Number, Section, Table, table
from qbank.reporting.subject import Subject

Floats = npt.NDArray[np.float64]
_THETA = np.linspace(-3, 3, 25)


def precision(subject: Subject) -> Section:
    """Information of the pool, conditional standard errors, and both reliabilities."""
    import calibration as cal  # a second of import that a refusal need not pay for

    certificate, numbers, charts = subject.certificate, [], []
    tables: list[Table] = []
    if certificate:
        sd = cal.Population.of(certificate["population"]).sd
        marginal = 1 - certificate["rmse"] ** 2 / sd**2
        numbers += [
            Number("marginal_reliability", "Marginal reliability", marginal, _MARGINAL),
            Number("rmse", "Root mean squared error of ability", certificate["rmse"]),
            Number("bias", "Mean error of ability", certificate["bias"]),
        ]
        tables.append(_conditional(certificate))
    theta, error = _abilities(subject)
    if theta.size > 1:
        spread = theta.var(ddof=1)
        empirical = float(spread / (spread + (error**2).mean()))
        numbers += [
            Number("empirical_reliability", "Empirical reliability", empirical, _EMPIRICAL),
            Number("persons_estimated", "Persons behind it", int(theta.size)),
        ]
    bank = _bank(subject)
    if bank is not None:
        best = _information(bank, subject.exam.test_length)
        tables.append(
            table(
                "information",
                "Information of the best items for each ability, and of all",
                ("theta", "best_items", "all_items", "standard_error_of_best"),
                [
                    (float(at), float(some), float(every), float(some**-0.5) if some > 0 else None)
                    for at, some, every in zip(_THETA, *best, strict=True)
                ],
            )
        )
        lines = [Line(f"best {subject.exam.test_length} items", _floats(_THETA), _floats(best[0]))]
        charts.append(
            Chart("information", "Where the pool measures", "ability", "information", tuple(lines))
        )
    return Section(
        "precision", "Precision", _TEXT, tuple(numbers), tuple(tables), tuple(charts),
        "" if numbers or tables else "no item has published parameters: `qbank nightly` fits them",
    )  # fmt: skip


def decisions(subject: Subject) -> Section:
    """Accuracy and consistency of pass or fail at each cut (Rudner 2001, 2005)."""
    theta, error = _abilities(subject)
    if not subject.cuts or theta.size == 0:
        missing = (
            "no cut was named: `qbank report --cut 0.5`"
            if not subject.cuts
            else "nobody has an ability estimate: adaptive sittings give them"
        )
        return Section("decisions", "Decisions at cut scores", _RUDNER, missing=missing)
    rows = []
    for cut in subject.cuts:
        # probability that the true ability is at or above the cut, as the estimate has it
        above = ndtr((theta - cut) / np.maximum(error, 1e-9))
        passed = theta >= cut
        accuracy = np.where(passed, above, 1 - above).mean()
        consistency = (above**2 + (1 - above) ** 2).mean()
        rows.append((cut, float(passed.mean()), float(accuracy), float(consistency)))
    return Section(
        "decisions",
        "Decisions at cut scores",
        _RUDNER,
        (Number("persons_estimated", "Persons behind it", int(theta.size)),),
        (table("cuts", "Pass or fail", ("cut", "pass_rate", "accuracy", "consistency"), rows),),
    )


def _conditional(certificate: Any) -> Table:
    edges = ["−∞", *(f"{edge:g}" for edge in certificate["strata"]), "∞"]
    rows = [
        (f"{low} to {high}", after, before)
        for low, high, after, before in zip(
            edges[:-1], edges[1:], certificate["se"], certificate["se_before"], strict=True
        )
    ]
    return table(
        "conditional_standard_error",
        "Standard error of ability, with exposure control and without",
        ("ability", "with_control", "without"),
        rows,
    )


def _abilities(subject: Subject) -> tuple[Floats, Floats]:
    rows = subject.rows(
        """SELECT theta, theta_se FROM analytics.user_ability
        WHERE exam_code = %(exam)s AND theta_se IS NOT NULL ORDER BY user_id"""
    )
    found = np.array(rows, np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _bank(subject: Subject) -> Any:
    import calibration as cal  # as above

    rows = subject.rows(
        """SELECT a, b, c FROM analytics.item_health
        WHERE exam_code = %(exam)s AND is_live AND a IS NOT NULL ORDER BY question_id, version"""
    )
    if not rows:
        return None
    a, b, c = np.array(rows, np.float64).T
    return cal.ItemBank(a, b, c)


def _information(bank: Any, length: int) -> tuple[Floats, Floats]:
    """Of the `length` best items at each θ, and of all."""
    from calibration.cat.information import information  # as above

    each = information(bank, _THETA)
    each.sort(axis=1)
    return each[:, -length:].sum(axis=1), each.sum(axis=1)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


_TEXT = (
    "Information is Fisher's, of the published parameters; the best items at an ability are what a "
    "test of the exam's length can reach there at most. Conditional standard errors, error and "
    "bias are those of the certificate: simulated examinees of its population, with exposure "
    "control and without."
)
_MARGINAL = "1 − RMSE² ÷ variance of ability, of the certificate's simulated examinees"
_EMPIRICAL = (
    "variance of the estimates ÷ (that + mean squared standard error), of each person's latest "
    "sitting (EAP; Thissen & Wainer 2001)"
)
_RUDNER = (
    "Expected share of right decisions (accuracy) and of equal ones in a second sitting of the "
    "same precision (consistency), from each person's latest estimate and its standard error, the "
    "error being normal (Rudner 2001, 2005). The cuts are on the exam's ability scale."
)
