"""The set-based SQL that writes versions of items, and puts them live.

What never lives here: deciding what is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from qbank.importing import items
from qbank.importing.questions.comparing import REST, Compared
from qbank.postgres import Connection
from qbank.stores import item_bank

_BATCH = """
INSERT INTO import_batches (kind, exam_code, source_name, source_sha256, imported_by, mapping,
    rows_read, rows_inserted, rows_known, rows_replaced, rows_rejected)
VALUES ('items', %(exam)s, %(name)s, %(sha256)s, %(actor)s, %(mapping)s,
    %(read)s, %(new)s, %(known)s, %(changed)s, %(rejected)s)
RETURNING id
"""
_VERSIONS = f"""
INSERT INTO question_versions (question_id, version, state, topic_id, stem_md, {", ".join(REST)},
    created_by, import_batch_id)
SELECT question_id, version, %(state)s, topic_id, stem_md, {", ".join(REST)}, %(actor)s, %(batch)s
FROM jsonb_to_recordset(%(rows)s) AS r (question_id bigint, version integer, topic_id bigint,
    stem_md text, lead_in text, rationale_md text, difficulty_label text, bloom_level smallint,
    tags jsonb, assets jsonb, reference_list jsonb)
"""  # noqa: S608
_OPTIONS = """
INSERT INTO question_options (question_version_id, option_label, option_text_md, is_correct)
SELECT v.id, o.value ->> 0, o.value ->> 1, (o.value ->> 2)::boolean
FROM jsonb_to_recordset(%(rows)s) AS r (question_id bigint, version integer, options jsonb)
JOIN question_versions AS v USING (question_id, version)
CROSS JOIN jsonb_array_elements(r.options) AS o
"""
_PUBLISH = """
INSERT INTO question_publications AS p (question_id, live_version, exam_code, tenant_id)
SELECT r.question_id, r.version, %(exam)s, %(tenant)s
FROM unnest(%(questions)s::bigint[], %(versions)s::integer[]) AS r (question_id, version)
JOIN question_versions AS v USING (question_id, version)
-- what was retired since it was compared, and a void item, stay out of the exam
WHERE v.state = 'published' AND NOT EXISTS (
    SELECT 1 FROM item_scoring AS s WHERE s.exam_code = %(exam)s AND s.rule = 'void'
        AND (s.question_id, s.version) = (r.question_id, r.version)
)
FOR SHARE OF v
ON CONFLICT (question_id, tenant_id, exam_code) DO UPDATE
SET live_version = excluded.live_version, published_at = now()
WHERE p.live_version <> excluded.live_version
RETURNING question_id, live_version
"""
# what undoing the import puts back: of each question the version that was live, and that is now
_NOTE_LIVE = """
UPDATE import_batches SET mapping = mapping || jsonb_build_object('live', %(live)s::jsonb)
WHERE id = %(batch)s
"""
_APPROVED = """
UPDATE question_versions AS v SET state = 'published'
FROM unnest(%(questions)s::bigint[], %(versions)s::integer[]) AS r (question_id, version)
WHERE (v.question_id, v.version) = (r.question_id, r.version)
    AND v.state NOT IN ('published', 'retired')
"""
_TOPIC = """
INSERT INTO topics (tenant_id, parent_id, name) VALUES (%(tenant)s, %(parent)s, %(name)s)
ON CONFLICT (tenant_id, parent_id, name) DO NOTHING
"""
_FIND_TOPIC = """
SELECT id FROM topics WHERE tenant_id = %(tenant)s AND name = %(name)s
    AND parent_id IS NOT DISTINCT FROM %(parent)s
"""


def topics(connection: Connection, tenant: str) -> dict[tuple[str, ...], int]:
    """The id of each topic, by the names from its root."""
    by_id = {topic.id: topic for topic in item_bank.topics(connection, tenant)}
    paths: dict[tuple[str, ...], int] = {}
    for number in by_id:
        path: list[str] = []
        at: int | None = number
        while at is not None and len(path) < len(by_id):
            path.append(by_id[at].name)
            at = by_id[at].parent_id
        paths[tuple(reversed(path))] = number
    return paths


def new_batch(connection: Connection, names: Mapping[str, Any], counts: Mapping[str, int]) -> int:
    """The number of an import that is about to write; ``names`` has mapping, name and sha256."""
    values = {**names, **counts, "mapping": Jsonb(names["mapping"])}
    row = connection.execute(_BATCH, values).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def write(
    connection: Connection,
    names: Mapping[str, Any],
    wanted: Sequence[Compared],
    known: dict[tuple[str, ...], int],
) -> dict[str, tuple[int, int]]:
    """Writes the next version of each item; (question, version) by reference.

    Args:
        connection: in the import's transaction, which has matched names.
        names: parameters ``tenant``, ``exam``, ``actor``, ``batch``, ``shared`` and ``state``.
        wanted: new, changed and conflicting items.
        known: ids of topics by path, which gets those that are made.
    """
    new = [found.item.reference for found in wanted if found.kept is None]
    connection.execute("TRUNCATE import_rows")
    connection.execute("INSERT INTO import_rows SELECT unnest(%s::text[])", [new])
    items.make_questions(connection, names)
    made: dict[str, int] = dict(
        connection.execute("SELECT item, question_id FROM import_names").fetchall()
    )
    rows = []
    for found in wanted:
        version = 1 if found.kept is None else found.kept.version + 1
        place = {"question_id": made[found.item.reference], "version": version}
        topic = _topic(connection, names, found.topic, known)
        rows.append({**place, "topic_id": topic, **found.content})
    for statement in (_VERSIONS, _OPTIONS):
        connection.execute(statement, {**names, "rows": Jsonb(rows)})
    return {
        found.item.reference: (row["question_id"], row["version"])
        for found, row in zip(wanted, rows, strict=True)
    }


def publish(
    connection: Connection,
    names: Mapping[str, Any],
    places: Sequence[tuple[int, int]],
    was: Mapping[int, int | None],
) -> int:
    """Makes (question, version) pairs live in the exam, and notes it; how many were not.

    Args:
        connection: in the import's transaction.
        names: parameters ``tenant``, ``exam`` and ``batch``.
        places: what to make live.
        was: the version that is live, by question.
    """
    values = {
        **names,
        "questions": [question for question, _ in places],
        "versions": [version for _, version in places],
    }
    connection.execute(_APPROVED, values)
    live = {
        str(question): [was.get(question), now]
        for question, now in connection.execute(_PUBLISH, values).fetchall()
    }
    connection.execute(_NOTE_LIVE, {**names, "live": Jsonb(live)})
    return len(live)


def _topic(
    connection: Connection,
    names: Mapping[str, Any],
    path: tuple[str, ...],
    known: dict[tuple[str, ...], int],
) -> int:
    """The id of a topic, which is made where it is not there."""
    if path not in known:
        parent = _topic(connection, names, path[:-1], known) if path[:-1] else None
        values = {**names, "parent": parent, "name": path[-1]}
        connection.execute(_TOPIC, values)
        row = connection.execute(_FIND_TOPIC, values).fetchone()
        assert row is not None  # noqa: S101
        known[path] = int(row[0])
    return known[path]
