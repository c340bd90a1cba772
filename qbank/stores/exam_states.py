"""What a night must know of each exam to decide what is due, for all exams in a few statements.

No statement looks at items one by one but the count of first attempts, and that is asked for exams
whose responses grew alone: a night without work costs the same whatever the pools hold.

What never lives here: the decision (``qbank_orchestration.engine.night``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from qbank.exams import selectors
from qbank.stores.item_bank import EXAM_COLUMNS, Exam, pool_state
from qbank.stores.served import CONTROLLED
from qbank.vocabulary import Controlled, words


@dataclass(frozen=True)
class ExamState:
    """One exam at the beginning of a night.

    Attributes:
        pool_version: moves with every change of the live pool or its parameters.
        has_parameters: whether a live item has parameters of the exam's model.
        responses: first attempts in the marts.
        fit_status, fit_responses, fit_settings: of the last IRT calibration that ended by itself:
            how it ended, how many responses it saw, which settings it was made with; None where
            there was none or it did not say.
        rescored_by: newest import whose other scores of old answers the marts have had since that
            fit began; None where there is none.
        calibrated_at, calibrated_state, calibrated_fingerprint: of the last exposure calibration
            that was published: when, and the pool it was made for.
        refused_status, refused_at, refused_state, refused_fingerprint, refused_error: of the last
            one that the night asked for itself and could not publish.
        last_controlled_day: newest UTC day before the night's with a controlled session by the
            selector that the last published exposure calibration was for.
        sh_p_replaced_at: when sh_p was last replaced as a whole, before the night's day.
        reestimated_day: newest UTC day up to the night's that was re-estimated.
        examined_at: when fairness and fit of the items were examined last.
        examined_responses: how many responses that examination saw.
        fitted_at: when parameters of the exam's model came into force last.
        examined_people: whether it rests on the attributes that the tenant's people have now.
        held_for_people: whether the last IRT calibration that ended by itself held back items for
            DIF by attributes that are others now.
    """

    exam: Exam
    pool_version: int
    has_parameters: bool
    responses: int
    fit_status: str | None
    fit_responses: int | None
    fit_settings: dict[str, Any] | None
    rescored_by: int | None
    calibrated_at: datetime | None
    calibrated_state: str | None
    calibrated_fingerprint: str | None
    refused_status: str | None
    refused_at: datetime | None
    refused_state: str | None
    refused_fingerprint: str | None
    refused_error: str | None
    last_controlled_day: date | None
    sh_p_replaced_at: datetime | None
    reestimated_day: date | None
    examined_at: datetime | None = None
    examined_responses: int | None = None
    fitted_at: datetime | None = None
    examined_people: bool = True
    held_for_people: bool = False

    @property
    def pool_state(self) -> str:
        """What exposure control would be calibrated for now, without a look at the items."""
        return pool_state(self.exam, self.pool_version)


def read(
    conn: Connection[Any],
    *,
    day: date,
    requested_by: str,
    exam_codes: Sequence[str] | None = None,
) -> tuple[ExamState, ...]:
    """The state of all exams, or of some, by code.

    Args:
        conn: an open connection.
        day: the UTC day of the night.
        requested_by: who asks for the night's own calibrations.
        exam_codes: only these.
    """
    values = {
        "day": day,
        "by": requested_by,
        "controlled": [*words(Controlled)],
        "usual": selectors.DEFAULT,
        "exams": None if exam_codes is None else [*exam_codes],
    }
    with conn.cursor(row_factory=class_row(Exam)) as exams_cursor:
        exams = exams_cursor.execute(_EXAMS, values).fetchall()
    counts = dict(conn.execute(_RESPONSES, values).fetchall())
    rest = {code: columns for code, *columns in conn.execute(_STATES, values).fetchall()}
    return tuple(
        ExamState(exam, version, has_parameters, counts.get(exam.exam_code, 0), *others)
        for exam in exams
        for version, has_parameters, *others in [rest[exam.exam_code]]
    )


def most_attempts_of_an_item(conn: Connection[Any], exam_codes: Sequence[str]) -> dict[str, int]:
    """First attempts at each exam's most answered item version, by exam code."""
    sql = """SELECT exam_code, max(n) FROM (
            SELECT exam_code, count(*) AS n FROM analytics.irt_responses
            WHERE exam_code = ANY(%s) GROUP BY exam_code, question_id, version) AS items
        GROUP BY exam_code"""
    return dict(conn.execute(sql, ([*exam_codes],)).fetchall())


def items_with_part_marks(conn: Connection[Any], exam_code: str) -> int:
    """How many live items of an exam have answers with some of their points, and not all."""
    sql = """SELECT count(*) FROM question_publications AS p
        JOIN item_scoring AS s ON s.exam_code = p.exam_code
          AND (s.question_id, s.version) = (p.question_id, p.live_version)
        WHERE p.exam_code = %s AND gives_points(s.rule, s.credit, s.max_score)
          AND EXISTS (SELECT FROM user_responses AS u JOIN quiz_sessions AS q ON q.id = u.quiz_id
            WHERE (u.question_id, u.version) = (p.question_id, p.live_version)
              AND u.score > 0 AND u.score < u.max_score AND q.exam_code = p.exam_code)"""
    return int(conn.execute(sql, (exam_code,)).fetchall()[0][0])


_CHOSEN = "(%(exams)s::text[] IS NULL OR exam_code = ANY(%(exams)s))"
_EXAMS = f"SELECT {EXAM_COLUMNS} FROM exams WHERE {_CHOSEN} ORDER BY exam_code"  # noqa: S608
_RESPONSES = f"""SELECT exam_code, count(*) FROM analytics.irt_responses
    WHERE {_CHOSEN} GROUP BY exam_code"""  # noqa: S608
_LAST = """SELECT status, params, started_at, finished_at, input_fingerprint, result, error
    FROM calibration_runs AS r WHERE r.exam_code = e.exam_code AND r.finished_at IS NOT NULL
      AND stopped_reason IS DISTINCT FROM 'dry_run' AND {}
    ORDER BY r.finished_at DESC LIMIT 1"""
_FIT = _LAST.format("kind = 'irt' AND status IN ('done', 'empty', 'rejected')")
_DONE = _LAST.format("kind = 'sympson_hetter' AND status = 'done'")
# what the night itself could not publish, it cannot publish tomorrow from the same pool
_REFUSED = _LAST.format(
    "kind = 'sympson_hetter' AND status IN ('rejected', 'empty') AND requested_by = %(by)s"
)
# All answers that an import or a rescore changed come into the marts together: one tells when.
_RESCORED = """SELECT max(b.id) FROM import_batches AS b
    CROSS JOIN LATERAL (
        SELECT h.quiz_id, h.question_id FROM response_history AS h
        WHERE h.import_batch_id = b.id AND h.is_correct IS NOT NULL LIMIT 1) AS changed
    JOIN analytics.fact_responses AS f USING (quiz_id, question_id)
    WHERE b.exam_code = e.exam_code AND b.rows_replaced > 0 AND f.loaded_at > fit.started_at"""
_STATES = f"""SELECT e.exam_code,
        coalesce(b.pool_version, 0),
        EXISTS (SELECT FROM item_calibration AS k
            JOIN question_publications AS p USING (exam_code, question_id)
            JOIN questions AS q ON q.id = k.question_id AND NOT q.is_deleted
            WHERE k.exam_code = e.exam_code AND k.model = e.irt_model
              AND k.version = p.live_version),
        fit.status, (fit.result #>> '{{summary,responses}}')::bigint,
        fit.result #> '{{summary,settings}}', ({_RESCORED}),
        done.finished_at, done.result #>> '{{summary,pool_state}}', done.input_fingerprint,
        refused.status, refused.finished_at, refused.result #>> '{{summary,pool_state}}',
        refused.input_fingerprint, refused.error,
        (SELECT s.ended_on FROM analytics.fact_sessions AS s
         WHERE s.exam_code = e.exam_code AND s.ended_on < %(day)s
           AND {CONTROLLED} AND s.selector = coalesce(
               done.params ->> 'selector',
               CASE WHEN e.policy ->> 'selector' = ANY(%(controlled)s)
                   THEN e.policy ->> 'selector' END,
               %(usual)s)
         ORDER BY s.ended_on DESC LIMIT 1),
        (SELECT max(h.at) FROM item_exposure_history AS h
         WHERE h.exam_code = e.exam_code AND h.source IN ('calibration', 'rollback')
           AND h.at < %(day)s::date::timestamp AT TIME ZONE 'UTC'),
        (SELECT max((r.params ->> 'day')::date) FROM calibration_runs AS r
         WHERE r.exam_code = e.exam_code AND r.kind = 'reestimation'
           AND r.status IN ('done', 'empty', 'rejected')
           AND r.stopped_reason IS DISTINCT FROM 'dry_run'
           AND (r.params ->> 'day')::date <= %(day)s),
        examined.examined_at, examined.responses,
        (SELECT max(k.fitted_at) FROM item_calibration AS k
         WHERE k.exam_code = e.exam_code AND k.model = e.irt_model),
        examined.people_version IS NOT DISTINCT FROM coalesce(people.version, 0),
        fit.result @? '$.summary.held_back[*] ? (@.reason == "large_dif")'
            AND (fit.result #>> '{{summary,people_version}}')::bigint
                IS DISTINCT FROM coalesce(people.version, 0)
    FROM exams AS e LEFT JOIN bank_versions AS b USING (exam_code)
    LEFT JOIN item_examinations AS examined USING (exam_code)
    LEFT JOIN people_versions AS people ON people.tenant_id = e.tenant_id
    LEFT JOIN LATERAL ({_FIT}) AS fit ON true
    LEFT JOIN LATERAL ({_DONE}) AS done ON true
    LEFT JOIN LATERAL ({_REFUSED}) AS refused ON true
    WHERE {_CHOSEN.replace("exam_code", "e.exam_code")}"""  # noqa: S608
