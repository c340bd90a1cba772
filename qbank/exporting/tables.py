"""What each export holds: one query and its columns.

What never lives here: files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, LiteralString

import pyarrow as pa
from psycopg.sql import SQL, Composed
from psycopg.sql import Literal as Quoted

from qbank.importing.items import ITEM_NAME

What = Literal["responses", "irw", "people", "key", "parameters", "exposure"]
_STAMP = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Table:
    """An export.

    Attributes:
        query: with ``{exam}``, ``{item}`` and ``{served}``, see :func:`query_of`.
        schema: its columns.
        personal: whether it says what a person did, so that it is for its owner alone.
    """

    query: LiteralString
    schema: pa.Schema
    personal: bool = False


_SERVED = """
FROM quiz_sessions AS s
JOIN quiz_items AS i ON i.quiz_id = s.id
JOIN questions AS q ON q.id = i.question_id
JOIN question_versions AS v ON (v.question_id, v.version) = (i.question_id, i.version)
JOIN topics AS t ON t.id = v.topic_id
LEFT JOIN user_responses AS r ON (r.quiz_id, r.question_id) = (i.quiz_id, i.question_id)
WHERE s.exam_code = {exam} AND s.voided_at IS NULL
"""

TABLES: dict[What, Table] = {
    # columns of the import's preset ``qbank``
    "responses": Table(
        """SELECT s.user_id, {item} AS question, r.is_correct::integer AS is_correct,
            r.option_label, r.time_taken_ms, coalesce(r.created_at, i.served_at) AS created_at,
            t.name AS topic, s.id AS quiz_id, i.version, r.is_void,
            trim_scale(coalesce(r.score, r.is_correct::integer)) AS score,
            trim_scale(r.max_score) AS max_score
        {served} ORDER BY s.id, i.position""",
        pa.schema(
            [
                ("user_id", pa.string()),
                ("question", pa.string()),
                ("is_correct", pa.int8()),
                ("option_label", pa.string()),
                ("time_taken_ms", pa.int64()),
                ("created_at", _STAMP),
                ("topic", pa.string()),
                ("quiz_id", pa.string()),
                ("version", pa.int32()),
                ("is_void", pa.bool_()),
                ("score", pa.float64()),
                ("max_score", pa.float64()),
            ]
        ),
        personal=True,
    ),
    # Item Response Warehouse: long, answered items alone, time in seconds
    "irw": Table(
        """SELECT s.user_id AS id, {item} AS item,
            trim_scale(coalesce(r.score, r.is_correct::integer)) AS resp,
            round(r.time_taken_ms / 1000.0, 3) AS rt, extract(epoch FROM r.created_at) AS date
        {served} AND r.id IS NOT NULL AND NOT r.is_void ORDER BY s.id, i.position""",
        pa.schema(
            [
                ("id", pa.string()),
                ("item", pa.string()),
                ("resp", pa.float64()),
                ("rt", pa.float64()),
                ("date", pa.float64()),
            ]
        ),
        personal=True,
    ),
    "people": Table(
        """SELECT p.user_id, a.key AS attribute, a.value
        FROM exams AS e JOIN people AS p ON p.tenant_id = e.tenant_id
        CROSS JOIN jsonb_each_text(p.attributes) AS a
        WHERE e.exam_code = {exam} AND EXISTS (
            SELECT FROM quiz_sessions AS s
            WHERE s.exam_code = e.exam_code AND s.voided_at IS NULL
                AND (s.tenant_id, s.user_id) = (p.tenant_id, p.user_id)
        ) ORDER BY 1, 2""",
        pa.schema([(name, pa.string()) for name in ("user_id", "attribute", "value")]),
        personal=True,
    ),
    "key": Table(
        """SELECT {item} AS item, scoring_text(k.rule, k.keys, k.credit, k.max_score) AS key,
            i.version, k.set_by, k.why, k.set_at
        FROM (
            SELECT question_id, live_version AS version FROM question_publications
            WHERE exam_code = {exam}
            UNION SELECT question_id, version FROM scoring_rules_in_force WHERE exam_code = {exam}
        ) AS i
        JOIN questions AS q ON q.id = i.question_id
        JOIN item_scoring AS k ON k.exam_code = {exam}
            AND (k.question_id, k.version) = (i.question_id, i.version)
        WHERE k.rule IS NOT NULL ORDER BY 1, 3""",
        pa.schema(
            [
                ("item", pa.string()),
                ("key", pa.string()),
                ("version", pa.int32()),
                ("set_by", pa.string()),
                ("why", pa.string()),
                ("set_at", _STAMP),
            ]
        ),
    ),
    "parameters": Table(
        """SELECT {item} AS item, c.version, c.model, c.a, c.b, c.c, c.se_a, c.se_b, c.se_c,
            c.scaling_constant, c.n_respondents, c.converged, c.fitted_at, c.run_id
        FROM item_calibration AS c JOIN questions AS q ON q.id = c.question_id
        WHERE c.exam_code = {exam} ORDER BY 1, 2, 3""",
        pa.schema(
            [
                ("item", pa.string()),
                ("version", pa.int32()),
                ("model", pa.string()),
                *((name, pa.float64()) for name in ("a", "b", "c", "se_a", "se_b", "se_c")),
                ("scaling_constant", pa.float64()),
                ("n_respondents", pa.int64()),
                ("converged", pa.bool_()),
                ("fitted_at", _STAMP),
                ("run_id", pa.string()),
            ]
        ),
    ),
    "exposure": Table(
        """SELECT {item} AS item, e.version, e.sh_p, e.pinned, e.updated_by, e.updated_at,
            e.run_id
        FROM item_exposure_control AS e JOIN questions AS q ON q.id = e.question_id
        WHERE e.exam_code = {exam} ORDER BY 1, 2""",
        pa.schema(
            [
                ("item", pa.string()),
                ("version", pa.int32()),
                ("sh_p", pa.float64()),
                ("pinned", pa.bool_()),
                ("updated_by", pa.string()),
                ("updated_at", _STAMP),
                ("run_id", pa.string()),
            ]
        ),
    ),
}


def query_of(table: Table, exam_code: str) -> Composed:
    """The query of one exam; ``{item}`` is an item's name, ``{served}`` what was served in it."""
    exam = Quoted(exam_code)
    return SQL(table.query).format(
        exam=exam, item=SQL(ITEM_NAME), served=SQL(_SERVED).format(exam=exam)
    )
