"""Whether an exam is served as its certificate predicted, and where not, what moved.

The certificate in force predicts the exposure rate of each item for one population, pool and way of
delivery. Observed rates of the days since it came into force are tested against it.

What never lives here: the test itself (``calibration.observed_exposure``), Dagster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from qbank.exams import selectors
from qbank.stores import delivered, exposure, item_bank, item_parameters, responses, runs
from qbank.stores.delivered import DeliveredDays, Outside
from qbank.stores.item_bank import Exam
from qbank_orchestration.engine import population
from qbank_orchestration.engine.finding import Judged
from qbank_orchestration.engine.proposal import ExposureProposal

if TYPE_CHECKING:
    from calibration import LatentDistribution, ObservedExposure

ENOUGH_SITTINGS = 100
"""With fewer, a rate of a fifth is known to no better than ±.08."""
MOVED_ERRORS, MOVED_BY = 3.0, 0.1
"""A mean or SD of ability has moved when it did so by more than so many standard errors and SDs."""
MOVED_SHAPE = 0.05
"""Its shape has, when distribution functions are farther apart than at a mean moved by MOVED_BY."""
MANY_OUTSIDE = 0.05
"""Share of sittings outside the certified conditions that is worth a word."""

Item = tuple[int, int]
Floats = npt.NDArray[np.float64]
Rates = tuple[Floats, Floats, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Parted:
    """An item whose observed rate is not the predicted one."""

    question_id: int
    version: int
    predicted: float
    observed: float
    p: float


@dataclass(frozen=True, eq=False)
class Prediction(Judged):
    """One exam's verdict: whether every item was served as predicted, else what moved.

    Attributes:
        items: those that parted, the largest difference first.
        rates: predicted and observed rate of every item and whether it parted, each shape (J,).
    """

    items: tuple[Parted, ...] = ()
    rates: Rates | None = None


def compare(conn: Connection[Any], exam: Exam) -> Prediction | None:
    """Compares an exam's exposure with what is predicted; None where nothing was ever calibrated.

    Only whole days count: the first is the one after the calibration came into force.
    """
    code = exam.exam_code
    run = runs.calibration_in_force(conn, code, before=datetime.now(UTC))
    since = exposure.last_calibrated(conn, code)
    if run is None or since is None:
        return None
    run = runs.get(conn, run.id)
    result = run.result or {}
    if "proposal" not in result or "administered" not in result.get("summary", {}):
        return Prediction(
            code, "what the calibration in force predicted is kept no longer", fine=True
        )
    first, last = since.astimezone(UTC).date() + timedelta(days=1), delivered.newest_day(conn, code)
    days = None if last is None else delivered.days(conn, code, first=first, last=last)
    sittings = 0 if days is None else int(days.sittings.sum())
    if days is None or last is None or sittings < ENOUGH_SITTINGS:
        why = f"{sittings} controlled sittings since {first}, {ENOUGH_SITTINGS} say something"
        return Prediction(code, why, {"sittings": sittings, "since": first.isoformat()}, fine=True)
    proposal = ExposureProposal.of_result(result)
    found, items = _observed(proposal, days)
    numbers: dict[str, Any] = {
        "sittings": sittings,
        "since": first.isoformat(),
        "items": len(items),
        "parted": int(found.parted.sum()),
        "largest_difference": round(found.largest, 4),
        "dispersion": round(found.dispersion, 3),
        "run": str(run.id),
    }
    moved = _moved(conn, exam, proposal, (first, last), numbers)
    if not found.parted.any():
        why = f"{len(items)} items were served as predicted in {sittings} sittings"
        return Prediction(code, why, numbers, fine=True, rates=_rates(found))
    what = (
        "; ".join(moved) or "neither population, pool, conditions nor sh_p moved: look at the items"
    )
    return Prediction(
        code,
        f"{numbers['parted']} of {len(items)} items are not served as predicted"
        f" (largest difference {found.largest:.3f}): {what}",
        numbers,
        _parted(found, items),
        _rates(found),
        fine=False,
    )


def _observed(
    proposal: ExposureProposal, days: DeliveredDays
) -> tuple[ObservedExposure, list[Item]]:
    """All items that were predicted or served; one that was not in the pool was predicted 0."""
    import calibration as cal  # kept out of the code location's import

    known = list(zip(proposal.question_id, proposal.version, strict=True))
    given = list(zip(days.question_id.tolist(), days.version.tolist(), strict=True))
    items = known + [item for item in given if item not in set(known)]
    place = {item: at for at, item in enumerate(items)}
    served = np.zeros((len(days.day), len(items)), np.int64)
    served[:, [place[item] for item in given]] = days.served
    predicted = np.zeros(len(items))
    predicted[: len(known)] = proposal.summary["administered"]
    found = cal.observed_exposure(
        predicted, served, days.sittings, predicted_n=int(proposal.certificate["n"])
    )
    return found, items


def _moved(
    conn: Connection[Any],
    exam: Exam,
    proposal: ExposureProposal,
    window: tuple[date, date],
    numbers: dict[str, Any],
) -> list[str]:
    """What is not as the certificate has it, in words; its figures go into ``numbers``."""
    first, last = window
    summary = proposal.summary
    published = item_parameters.in_force(conn, exam.exam_code, exam.irt_model)
    attempts = responses.first_attempts(conn, exam.exam_code, controlled=window)
    outside = delivered.outside(
        conn,
        exam.exam_code,
        first=first,
        last=last,
        selector=summary.get("selector", selectors.DEFAULT),
        test_length=int(summary["test_len"]),
        has_quota=summary.get("quota") == "blueprint",
    )
    return [
        *_population_moved(summary, population.estimate(attempts, published), numbers),
        *_pool_moved(proposal, item_bank.load(conn, exam.exam_code), numbers),
        *_conditions_moved(outside, numbers),
        *_controls_moved(conn, exam.exam_code, proposal, numbers),
    ]


def _population_moved(
    summary: Mapping[str, Any], found: LatentDistribution | None, numbers: dict[str, Any]
) -> list[str]:
    import calibration as cal  # kept out of the code location's import

    kept = summary.get("population") or {"theta_dist": population.STANDARD}
    assumed = cal.Population.of(kept["theta_dist"])
    numbers |= {"assumed_mean": round(assumed.mean, 3), "assumed_sd": round(assumed.sd, 3)}
    if found is None or not found.identified:
        return []
    present = cal.Population.of(found.theta_dist)
    numbers |= {"mean": round(present.mean, 3), "sd": round(present.sd, 3)}
    numbers |= {"se_mean": round(found.se_mean, 3), "se_sd": round(found.se_sd, 3)}
    moved = []
    of_mean = math.hypot(found.se_mean, kept.get("se_mean") or 0)
    for name, now, then, error in (
        ("mean", present.mean, assumed.mean, of_mean),
        ("SD", present.sd, assumed.sd, math.hypot(found.se_sd, kept.get("se_sd") or 0)),
    ):
        if abs(now - then) > max(MOVED_ERRORS * error, MOVED_BY * assumed.sd):
            moved.append(f"{name} of ability is {now:.2f} (±{error:.2f}), not {then:.2f}")
    at = np.linspace(-6, 6, 241)
    apart = float(abs(present.cdf(at) - assumed.cdf(at)).max())
    numbers["shape_apart"] = round(apart, 3)
    # a normal distribution function is moved by at most .4 of an SD that its mean moves
    if not moved and apart > max(MOVED_ERRORS * 0.4 * of_mean / assumed.sd, MOVED_SHAPE):
        moved.append(f"shape of ability is {present}, off by {apart:.0%} of the examinees")
    return ["population moved: " + ", ".join(moved)] if moved else []


def _pool_moved(
    proposal: ExposureProposal, pool: item_bank.Pool, numbers: dict[str, Any]
) -> list[str]:
    usable = pool.calibrated
    live = set(zip(pool.question_id[usable].tolist(), pool.version[usable].tolist(), strict=True))
    then = set(zip(proposal.question_id, proposal.version, strict=True))
    numbers |= {"items_new": len(live - then), "items_gone": len(then - live)}
    if live != then:
        return [f"pool moved: {len(live - then)} items came, {len(then - live)} left"]
    if pool.fingerprint() != proposal.input_fingerprint:
        return ["pool moved: its parameters, topics or settings changed"]
    return []


def _conditions_moved(outside: Outside, numbers: dict[str, Any]) -> list[str]:
    kinds = {
        "uncontrolled": "without exposure control",
        "other_rule": "by another selector",
        "other_length": "of another length",
        "other_quota": "with another quota",
        "filtered": "of some topics or difficulties alone",
        "cut_short": "ended early",
    }
    counts = {name: getattr(outside, name) for name in kinds}
    numbers |= {"outside": outside.outside, "adaptive_sittings": outside.sittings} | counts
    if outside.outside <= MANY_OUTSIDE * outside.sittings:
        return []
    told = ", ".join(f"{count} {kinds[name]}" for name, count in counts.items() if count)
    return [f"conditions moved: {outside.outside} of {outside.sittings} sittings, {told}"]


def _controls_moved(
    conn: Connection[Any], exam_code: str, proposal: ExposureProposal, numbers: dict[str, Any]
) -> list[str]:
    held = {(c.question_id, c.version): c.sh_p for c in exposure.in_force(conn, exam_code)}
    changed = sum(
        held.get((c.question_id, c.version), 1.0) != (1.0 if c.sh_p is None else c.sh_p)
        for c in proposal.controls
    )
    numbers["sh_p_changed"] = changed
    return [f"sh_p of {changed} items was changed since"] if changed else []


def _parted(found: ObservedExposure, items: list[Item]) -> tuple[Parted, ...]:
    places = np.flatnonzero(found.parted)
    order = places[np.argsort(-np.abs(found.observed - found.predicted)[places], kind="stable")]
    return tuple(
        Parted(
            question_id=items[at][0],
            version=items[at][1],
            predicted=round(float(found.predicted[at]), 4),
            observed=round(float(found.observed[at]), 4),
            p=float(f"{found.p[at]:.3g}"),
        )
        for at in order.tolist()
    )


def _rates(found: ObservedExposure) -> Rates:
    return found.predicted, found.observed, found.parted
