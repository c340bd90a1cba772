"""Item parameters that another program estimated, as a proposal like any other.

They pass the audits that a fit of ours passes, and the gates that responses in the bank can ask.
What never lives here: reading files, estimation, Dagster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from psycopg import Connection

from qbank.errors import ImportFileError
from qbank.exams.needs import smallest_n
from qbank.importing.items import ITEM_NAME
from qbank.importing.parameters import Given, GivenParameters
from qbank.requests import IrtFit
from qbank.stores import exposure, item_bank, responses, runs
from qbank.stores.item_bank import Exam, Pool
from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts
from qbank.vocabulary import Model
from qbank_orchestration.engine import publication
from qbank_orchestration.engine.audit_parameters import A_BOUNDS, B_BOUND, C_BOUND, plausible
from qbank_orchestration.engine.finding import Finding, first_of, forbidding
from qbank_orchestration.engine.item_gates import FALLS, LARGEST_SE_B, HeldBack
from qbank_orchestration.engine.proposal import ParameterProposal


@dataclass(frozen=True)
class Proposed:
    """What became of a file of parameters.

    Attributes:
        items: items that were proposed.
        refused: rows that were not, each with line, item and reason.
        held_back: items that the bank's answers speak against.
        findings: of the audit.
        status: of the run: done, or rejected by the audit.
        changed: item versions whose parameters are others now.
    """

    run_id: UUID
    items: int
    refused: tuple[str, ...]
    held_back: tuple[str, ...]
    findings: tuple[Finding, ...]
    status: str
    changed: int = 0


def propose(
    conn: Connection[Any],
    exam_code: str,
    given: GivenParameters,
    *,
    model: Model,
    metric: float,
    source: Mapping[str, str],
    requested_by: str,
    max_rejects: int = 0,
) -> Proposed:
    """Proposes, audits and publishes parameters; the caller commits.

    Args:
        conn: an open connection.
        exam_code: of the exam.
        given: what the file has.
        model: of the file, which must be the exam's.
        metric: D of the curve that the file's a belongs to.
        source: name and digest of the file, kept with the run.
        requested_by: who imports.
        max_rejects: with more refused rows than these nothing is proposed.

    Raises:
        ImportFileError: the model is not the exam's, or too many rows are refused.
        NotFoundError: the exam does not exist.
    """
    # nothing that is live changes between matching and publication
    exposure.lock(conn, exam_code)
    pool = item_bank.load(conn, exam_code)
    if pool.exam.irt_model != model:
        raise ImportFileError(
            f"--model is {model}, and exam {exam_code!r} has {pool.exam.irt_model}: qbank exam set"
            f" {exam_code} --irt-model {model} changes it"
        )
    rows, refused = _matched(conn, pool, given, metric)
    if len(refused) > max_rejects or not rows:
        raise ImportFileError(
            f"nothing was proposed, for {len(refused)} of {len(given.rows) + len(given.refused)}"
            f" rows are refused and --max-rejects is {max_rejects}: {first_of(refused)}"
        )
    held = _held_back(conn, pool.exam, rows)
    keys = {(item.question_id, item.version) for item in held}
    usable = tuple(row for row in rows if (row.question_id, row.version) not in keys)
    run = runs.create(
        conn,
        kind="irt",
        exam_code=exam_code,
        params=IrtFit.resolve(pool.exam, {}, exam_code=exam_code).stored(),
        requested_by=requested_by,
        orchestrator_run_id=f"import-{uuid4()}",
    )
    proposal = ParameterProposal(
        model=model,
        parameters=usable,
        statistics=(),
        summary=_summary(rows, usable, held, source),
        input_fingerprint=_fingerprint(rows),
    )
    findings = publication.propose(
        conn, run.id, proposal.as_result(), input_fingerprint=proposal.input_fingerprint
    )
    told = (run.id, len(usable), refused, tuple(map(str, held)))
    if forbidding(findings):
        return Proposed(*told, findings, "rejected")
    outcome = publication.publish(conn, run.id)
    return Proposed(*told, outcome.findings, outcome.status, outcome.numbers.get("changed", 0))


def _matched(
    conn: Connection[Any], pool: Pool, given: GivenParameters, metric: float
) -> tuple[tuple[ItemParameters, ...], tuple[str, ...]]:
    """Parameters of live items, and rows that are refused."""
    live = dict(zip(pool.question_id.tolist(), pool.version.tolist(), strict=True))
    sql = f"SELECT {ITEM_NAME}, q.id FROM questions AS q WHERE q.id = ANY(%s)"  # noqa: S608
    names: dict[str, int] = dict(conn.execute(sql, ([*live],)).fetchall())
    rows, refused = [], list(given.refused)
    for own in given.rows:
        question = names.get(own.item)
        row = None if question is None else _parameters(own, question, live[question], metric)
        if why := _unusable(own, row, pool.exam):
            refused.append(f"line {own.line} ({own.item}): {why}")
        elif row is not None:
            rows.append(row)
    return tuple(rows), tuple(refused)


def _parameters(own: Given, question: int, version: int, metric: float) -> ItemParameters:
    return ItemParameters(
        question_id=question,
        version=version,
        a=own.a,
        b=own.b,
        c=own.c,
        se_a=own.se_a,
        se_b=own.se_b,
        se_c=own.se_c,
        n_respondents=own.n,
        converged=True,
        scaling_constant=metric,
    )


def _unusable(own: Given, row: ItemParameters | None, exam: Exam) -> str | None:
    """Why a row is refused; None where it is not."""
    if row is None:
        return f"it is no live item of exam {exam.exam_code!r}"
    if own.version not in (None, row.version):
        return f"version {own.version} is not live, version {row.version} is"
    if not plausible(row):
        low, high = A_BOUNDS
        return (
            f"a {own.a:g}, b {own.b:g}, c {own.c:g} lie outside a {low:g} to {high:g} (at D = 1.7),"
            f" b ±{B_BOUND:g}, c 0 to {C_BOUND:g}"
        )
    if own.se_b is not None and own.se_b > LARGEST_SE_B:
        return f"se_b is {own.se_b:g}, and {LARGEST_SE_B:g} is allowed: collect more answers"
    return None


def _held_back(
    conn: Connection[Any], exam: Exam, rows: Sequence[ItemParameters]
) -> tuple[HeldBack, ...]:
    """Items that the bank has enough answers to, which speak against them."""
    if not responses.in_marts(conn):
        return ()
    attempts = responses.first_attempts(conn, exam.exam_code)
    if not len(attempts):
        return ()
    refs = item_bank.external_refs(conn, [row.question_id for row in rows])
    return against(attempts, rows, smallest_n(exam), refs)


def against(
    attempts: FirstAttempts,
    rows: Sequence[ItemParameters],
    enough: int,
    refs: Mapping[int, str],
) -> tuple[HeldBack, ...]:
    """Items whose answers are all alike, or fall with the ability that the others show.

    Args:
        attempts: first attempts in long form.
        rows: parameters of one D.
        enough: answers to an item that say something.
        refs: names of questions where they came from, by id.
    """
    import calibration as cal  # kept out of the command line's import

    place = {(row.question_id, row.version): k for k, row in enumerate(rows)}
    own = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
    code = np.array([place.get(key, -1) for key in own], dtype=np.int64)[attempts.item]
    known = code >= 0
    if not known.any():
        return ()
    code, correct = code[known], attempts.correct[known]
    bank = cal.ItemBank(
        [row.a for row in rows],
        [row.b for row in rows],
        [row.c for row in rows],
        D=rows[0].scaling_constant,
    )
    person = np.unique(attempts.person[known], return_inverse=True)[1]
    slopes = cal.rest_slope(bank, person, code, correct)
    n = np.bincount(code, minlength=len(rows))
    right = np.bincount(code, correct, minlength=len(rows))
    marks = {
        "all_incorrect": right == 0,
        "all_correct": right == n,
        FALLS: (slopes.n > 0) & (slopes.z <= 0),
    }
    return tuple(
        HeldBack(
            row.question_id,
            row.version,
            reason,
            int(n[k]),
            float(right[k] / n[k]),
            float(slopes.z[k]),
            refs.get(row.question_id),
        )
        for k, row in enumerate(rows)
        if n[k] >= enough
        for reason in [next((name for name, holds in marks.items() if holds[k]), "")]
        if reason
    )


def _summary(
    rows: Sequence[ItemParameters],
    usable: Sequence[ItemParameters],
    held: Sequence[HeldBack],
    source: Mapping[str, str],
) -> dict[str, Any]:
    """What charts and listings of a fit read, as far as a file tells it."""
    return {
        "source": dict(source),
        "items": len(rows),
        "items_calibrated": len(usable),
        "flags": {},
        "converged": True,
        "stopped_reason": "estimated by another program",
        "cycles": 0,
        "held_back": [asdict(item) for item in held],
        "scale": {"method": "none: as given", "anchors": 0},
    }


def _fingerprint(rows: Sequence[ItemParameters]) -> str:
    return hashlib.sha256(json.dumps([astuple(row) for row in rows]).encode()).hexdigest()
