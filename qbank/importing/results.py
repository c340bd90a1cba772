"""New results of quizzes that are over, whose answers score otherwise than when they were sealed.

Each is another revision: it has the items and parameters of the one before it, and names the
rescore that it is of. What was told stays. What never lives here: what answers score, and sealing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from qbank.postgres import Connection

if TYPE_CHECKING:
    from calibration.cat import RankedBank

_AT_ONCE = 2_000
_Curve = tuple[float, float, float]
_Bank = tuple["RankedBank", dict[_Curve, int]]
# The newest result of each quiz of which the batch changed a scored answer, unless it is this very
# one; `answers` has what each answer scores, null where its item is void.
_STALE = """
SELECT * FROM (
    SELECT DISTINCT ON (r.quiz_id) r.quiz_id, r.revision, r.name, r.theta, r.theta_se, r.model,
        r.scale, r.bank_version, r.items
    FROM quiz_results AS r
    WHERE r.quiz_id IN (
        SELECT h.quiz_id FROM response_history AS h WHERE h.import_batch_id = %(batch)s
            -- a result tells of right and wrong, and not of parts of marks
            AND (h.is_correct, h.is_void) IS DISTINCT FROM (h.was_correct, h.was_void)
            AND NOT EXISTS (SELECT 1 FROM quiz_items AS i WHERE i.is_pretest
                AND (i.quiz_id, i.question_id) = (h.quiz_id, h.question_id))
    )
    ORDER BY r.quiz_id, r.revision DESC
) AS newest CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(u.question_id, CASE WHEN NOT u.is_void THEN u.is_correct END) AS answers
    FROM user_responses AS u JOIN quiz_items AS i USING (quiz_id, question_id)
    WHERE u.quiz_id = newest.quiz_id AND NOT i.is_pretest
) AS now
WHERE name <> %(name)s
"""
_STAGE = """
CREATE TEMP TABLE new_results (
    quiz_id text, revision integer, answered integer, correct integer, theta float8,
    theta_se float8, model text, scale float8, bank_version bigint, items jsonb
) ON COMMIT DROP
"""
_COPY = "COPY new_results FROM STDIN"
_INSERT = """
INSERT INTO quiz_results (quiz_id, revision, answered, correct, theta, theta_se, model, scale,
    bank_version, items, name, import_batch_id, made_by, why)
SELECT n.*, %(name)s, %(batch)s, %(actor)s, %(why)s FROM new_results AS n ORDER BY n.quiz_id
"""
# one that is over and not yet sealed will be by what its answers score then
_SESSIONS = """
UPDATE quiz_sessions AS s SET theta = n.theta, theta_se = n.theta_se
FROM new_results AS n WHERE s.id = n.quiz_id AND s.sealed_at IS NOT NULL
"""


@dataclass(frozen=True)
class _Rescored:
    """A result with what its items score now."""

    before: Any
    items: list[dict[str, Any]]

    @property
    def metric(self) -> tuple[str, float]:
        """Model and D."""
        return self.before.model, self.before.scale

    @property
    def is_calibrated(self) -> bool:
        """Whether what θ was computed from is known."""
        return self.before.scale is not None

    def evidence(self) -> list[tuple[_Curve, bool]]:
        """a, b, c and the score of each item that tells of θ."""
        return [
            ((item["a"], item["b"], item["c"]), item["correct"])
            for item in self.items
            if item["correct"] is not None and item["a"] is not None
        ]


def rescore_results(connection: Connection, names: dict[str, Any]) -> int:
    """Makes new results of the quizzes of which a batch changed answers.

    Args:
        connection: in the transaction that changed them, and wrote their history.
        names: parameters ``batch``, ``name`` of the results, ``actor`` and ``why``.

    Returns:
        How many results have a successor.
    """
    connection.execute("DROP TABLE IF EXISTS new_results")
    connection.execute(_STAGE)
    made = 0
    with connection.cursor("stale_results", row_factory=namedtuple_row) as stale:
        stale.execute(_STALE, names)
        while rows := stale.fetchmany(_AT_ONCE):
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for row in _scored_again(rows):
                    copy.write_row(row)
                    made += 1
    if made:
        connection.execute(_INSERT, names)
        connection.execute(_SESSIONS)
    return made


def _scored_again(rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    again = [_Rescored(row, [_item(item, row.answers) for item in row.items]) for row in rows]
    banks = {
        key: _bank([r for r in again if r.metric == key], *key)
        for key in {r.metric for r in again if r.is_calibrated}
    }
    for result in again:
        before = result.before
        scores = [score for score in before.answers.values() if score is not None]
        theta, theta_se = _ability(result, banks)
        yield (
            before.quiz_id,
            before.revision + 1,
            len(scores),
            sum(scores),
            theta,
            theta_se,
            before.model,
            before.scale,
            before.bank_version,
            Jsonb(result.items),
        )


def _item(item: dict[str, Any], answers: dict[str, bool | None]) -> dict[str, Any]:
    question = str(item["question_id"])
    void = question in answers and answers[question] is None
    return {**item, "correct": answers.get(question), "void": void}


def _bank(results: Sequence[_Rescored], model: str, scale: float) -> _Bank:
    """The parameters that the results were sealed under, each once, with their places."""
    from calibration import ItemBank
    from calibration.cat import RankedBank

    curves = sorted({curve for result in results for curve, _ in result.evidence()})
    # without an answer that tells of θ the prior is left, which needs a bank all the same
    curves = curves or [(1.0, 0.0, 0.0)]
    a, b, c = (list(column) for column in zip(*curves, strict=True))
    ranked = RankedBank.of(ItemBank(a, b, c, D=scale, model=model))
    return ranked, {curve: place for place, curve in enumerate(curves)}


def _ability(
    result: _Rescored, banks: Mapping[tuple[str, float], _Bank]
) -> tuple[float, float | None]:
    """θ̂ and its standard error, as delivery computes them; 0 and None where nothing is known."""
    from calibration import cat

    if not result.is_calibrated:
        return 0.0, None
    evidence = result.evidence()
    ranked, place = banks[result.metric]
    found = cat.ability(
        ranked, [place[curve] for curve, _ in evidence], [score for _, score in evidence]
    )
    return found.theta, found.sd
