"""An examination of an exam's items: fairness and fit under the parameters in force, and its audit.

What never lives here: reading, writing, Dagster.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from qbank.stores.item_bank import Exam
from qbank.stores.item_examinations import Examination, Fairness, Fit
from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import compromise, fairness
from qbank_orchestration.engine.answers import Answers, answers_to_known
from qbank_orchestration.engine.fairness import FALSE_DISCOVERIES, LARGE
from qbank_orchestration.engine.finding import NAMED, Finding, first_of, item_named

if TYPE_CHECKING:
    from calibration import LocalDependence

POOR_RMSD = 0.1
SMALLEST_N = 100
MOST_IN_FORM = 200
"""S-X² costs items × items × score groups; complete forms are no longer."""
MISFIT = -2.326
"""l_z* that one person in a hundred falls below by chance."""
MANY_MISFIT = 0.03
_NOTHING: Mapping[str, Any] = {
    "attributes": {},
    "person_fit": {"persons": 0, "misfit": 0, "below": MISFIT},
}
"""Of an exam whose items with parameters nobody has answered."""
_PARAMETERS = {"1pl": 1, "2pl": 2, "3pl": 3}


def examine(
    exam: Exam,
    attempts: FirstAttempts,
    published: Sequence[ItemParameters],
    people: Sequence[Mapping[str, str]],
) -> Examination:
    """Fairness and fit of all items that have parameters in force and answers.

    Args:
        exam: its model.
        attempts: first attempts in long form.
        published: parameters in force.
        people: attributes of each person of the attempts.
    """
    answers = answers_to_known(attempts, published, people)
    if answers is None:
        return Examination(0, 0, _fingerprint(attempts, published, people), _NOTHING, (), ())
    rows, attributes = fairness.examined(answers)
    fit, persons = _fit(exam, answers)
    return Examination(
        responses=int(answers.person.size),
        persons=len(answers.people),
        input_fingerprint=_fingerprint(attempts, published, answers.people),
        summary={"attributes": attributes, "person_fit": persons},
        fairness=rows,
        fit=fit,
    )


def _fingerprint(
    attempts: FirstAttempts,
    published: Sequence[ItemParameters],
    people: Sequence[Mapping[str, str]],
) -> str:
    digest = hashlib.sha256(attempts.fingerprint().encode())
    curves = [(r.question_id, r.version, r.a, r.b, r.c, r.scaling_constant) for r in published]
    digest.update(json.dumps([curves, [dict(p) for p in people]], sort_keys=True).encode())
    return digest.hexdigest()


def _fit(exam: Exam, answers: Answers) -> tuple[tuple[Fit, ...], dict[str, Any]]:
    """Fit of each item that was answered, and how many persons' answers do not fit."""
    import calibration as cal  # kept out of the code location's import
    from calibration.significance import false_discovery_q

    given = (answers.bank, answers.person, answers.item, answers.correct)
    curve = cal.curve_fit(*given, min_n=SMALLEST_N)
    residual = cal.residual_fit(*given, theta=curve.ability)
    shape_q = np.ones(curve.n.size)
    shape_q[curve.testable] = false_discovery_q(curve.p_value[curve.testable])
    poor = (curve.rmsd > POOR_RMSD) & (shape_q < FALSE_DISCOVERIES)
    partner = _partners(cal.local_dependence(*given, theta=curve.ability, min_n=SMALLEST_N))
    form = _complete_form(answers, _PARAMETERS[exam.irt_model], curve.mean, curve.sd)
    changes = compromise.compromised(answers)
    rows = []
    for item in np.flatnonzero(curve.n > 0).tolist():
        tested = bool(curve.testable[item])
        other, q3 = partner.get(item, (None, None))
        s_x2, df, p = form.get(item, (None, None, None))
        rows.append(
            Fit(
                question_id=int(answers.question_id[item]),
                version=int(answers.version[item]),
                n=int(curve.n[item]),
                infit=float(residual.infit[item]),
                outfit=float(residual.outfit[item]),
                rmsd=float(curve.rmsd[item]),
                is_poor=bool(poor[item]),
                shape_p=float(curve.p_value[item]) if tested else None,
                shape_q=float(shape_q[item]) if tested else None,
                s_x2=s_x2,
                s_x2_df=df,
                s_x2_p=p,
                dependent_question_id=None if other is None else int(answers.question_id[other]),
                dependent_version=None if other is None else int(answers.version[other]),
                q3=q3,
                **changes[item],
            )
        )
    persons = cal.person_fit(*given, mean=curve.mean, sd=curve.sd)
    return tuple(rows), {
        "persons": int(persons.testable.sum()),
        "misfit": int((persons.testable & (persons.lz_star < MISFIT)).sum()),
        "below": MISFIT,
        "mean": round(curve.mean, 4),
        "sd": round(curve.sd, 4),
    }


def _partners(pairs: LocalDependence) -> dict[int, tuple[int, float]]:
    """The item that each goes together with most, where that is no chance (Bonferroni)."""
    out: dict[int, tuple[int, float]] = {}
    sure = pairs.p_value * max(pairs.tested, 1) < FALSE_DISCOVERIES
    for at in np.flatnonzero(sure).tolist():
        first, second, q3 = int(pairs.first[at]), int(pairs.second[at]), float(pairs.q3[at])
        out.setdefault(first, (second, q3))
        out.setdefault(second, (first, q3))
    return out


def _complete_form(
    answers: Answers, parameters: int, mean: float, sd: float
) -> dict[int, tuple[float, int, float]]:
    """S-X² by item, where enough persons answered every item and the form is no bank."""
    import calibration as cal  # kept out of the code location's import

    items = len(answers.bank)
    complete = np.bincount(answers.person, minlength=1) == items
    if not 3 <= items <= MOST_IN_FORM or complete.sum() < SMALLEST_N:
        return {}
    found = cal.s_x2(
        answers.bank,
        answers.person,
        answers.item,
        answers.correct,
        n_parameters=parameters,
        mean=mean,
        sd=sd,
    )
    columns = (found.item, found.statistic, found.df, found.p_value)
    return {
        int(item): (float(s), int(df), float(p)) for item, s, df, p in zip(*columns, strict=True)
    }


def audit(found: Examination, names: Mapping[int, str]) -> tuple[Finding, ...]:
    """What is wrong with an examination, and what it found that a person should look at.

    Args:
        found: the examination.
        names: of questions where they came from, by id.
    """
    return (
        _possible(found),
        _no_large_dif(found.fairness, names),
        _items_fit(found.fit, names),
        _independent(found.fit, names),
        compromise.none_compromised(found.fit, names),
        _persons_fit(found.summary["person_fit"]),
    )


def _possible(found: Examination) -> Finding:
    rows: list[Fairness | Fit] = [*found.fairness, *found.fit]
    wrong = [
        f"{name} of question {row.question_id} v{row.version} is {value}"
        for row in rows
        for name, value in asdict(row).items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    summary = "; ".join(wrong[:NAMED]) or f"{len(found.fit)} items have possible figures"
    return Finding(
        "figures_are_numbers", summary, {"wrong": len(wrong)}, passed=not wrong, blocking=True
    )


def _no_large_dif(rows: Sequence[Fairness], names: Mapping[int, str]) -> Finding:
    large = sorted((row for row in rows if row.ets_class == LARGE), key=lambda row: -abs(row.delta))
    items = {(row.question_id, row.version) for row in large}
    summary = first_of([f"{item_named(row, names)} is {fairness.told(row)}" for row in large])
    tested = len({(row.question_id, row.version) for row in rows})
    return Finding(
        "no_large_dif",
        summary or f"none of {tested} items that could be compared is of class C",
        {"items_of_class_c": len(items), "items_compared": tested},
        passed=not large,
        blocking=False,
    )


def _items_fit(rows: Sequence[Fit], names: Mapping[int, str]) -> Finding:
    poor = [row for row in rows if row.is_poor]
    summary = first_of([f"{item_named(row, names)} has an RMSD of {row.rmsd:.2f}" for row in poor])
    return Finding(
        "items_fit",
        summary or f"the curves of {len(rows)} items fit their answers",
        {"items_that_do_not_fit": len(poor), "items": len(rows)},
        passed=not poor,
        blocking=False,
    )


def _independent(rows: Sequence[Fit], names: Mapping[int, str]) -> Finding:
    pairs = {
        tuple(sorted(((row.question_id, row.version), (row.dependent_question_id, _v(row))))): row
        for row in rows
        if row.dependent_question_id is not None
    }
    summary = first_of(
        [
            f"{item_named(row, names)} and question {row.dependent_question_id}"
            f" v{row.dependent_version} (Q3 {row.q3:.2f})"
            for row in pairs.values()
        ]
    )
    return Finding(
        "items_are_independent",
        summary or "no two items go together beyond ability",
        {"dependent_pairs": len(pairs)},
        passed=not pairs,
        blocking=False,
    )


def _v(row: Fit) -> int:
    return row.dependent_version or 0


def _persons_fit(persons: Mapping[str, Any]) -> Finding:
    share = persons["misfit"] / max(persons["persons"], 1)
    return Finding(
        "persons_fit",
        f"{persons['misfit']} of {persons['persons']} persons have an l_z* below {MISFIT:.2f}"
        " (1 % by chance)",
        {"persons": persons["persons"], "misfit": persons["misfit"], "share": round(share, 4)},
        passed=share <= MANY_MISFIT,
        blocking=False,
    )
