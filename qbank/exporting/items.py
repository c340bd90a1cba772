"""Items of an exam with what is known of them, as a table, as GIFT or as a package of QTI.

What ``qbank import items`` can keep comes back the same. What never lives here: how it is read.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from psycopg.rows import dict_row

from qbank.errors import ExportError
from qbank.exporting import qti
from qbank.exporting.files import (
    Exported,
    is_parquet,
    known_exam,
    partial,
    placed,
    refuse_taken,
)
from qbank.importing.items import ITEM_NAME
from qbank.importing.questions.comparing import OPTIONS
from qbank.importing.questions.item import LETTERS, path_of
from qbank.importing.questions.writing import topics
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.stores.authoring.limits import MIN_OPTIONS
from qbank.stores.item_bank import Exam

Form = Literal["table", "gift", "qti"]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        rows: items.
        columns: of a table, in order.
        left_out: names of items that the form cannot hold.
    """

    rows: int
    columns: list[str]
    left_out: list[str]


_FORMS: Mapping[str, Form] = {".gift": "gift", ".zip": "qti"}
_CONTENT = ("stem", "lead_in", "key", "topic", "difficulty", "bloom_level", "tags", "explanation")
_USAGE = pa.schema(
    [
        ("version", pa.int32()),
        ("state", pa.string()),
        ("model", pa.string()),
        *((name, pa.float64()) for name in ("a", "b", "c", "se_a", "se_b", "se_c")),
        ("scaling_constant", pa.float64()),
        ("n_respondents", pa.int64()),
        ("n", pa.int64()),
        ("p_value", pa.float64()),
        ("r_point_biserial", pa.float64()),
        ("sh_p", pa.float64()),
        ("exposure_rate", pa.float64()),
    ]
)
_TEXTS = (*_CONTENT, "references", "assets")

# The version that is live in the exam, else the newest of an item that is the exam's own.
_QUERY = f"""
SELECT {ITEM_NAME} AS external_ref, q.id AS question_id, v.version, v.state,
    v.stem_md AS stem, v.lead_in, v.topic_id, v.difficulty_label AS difficulty,
    v.bloom_level::text AS bloom_level, v.tags, v.rationale_md AS explanation,
    v.reference_list AS references, v.assets, coalesce(o.options, '[]') AS options,
    e.irt_model AS model, k.a, k.b, k.c, k.se_a, k.se_b, k.se_c, k.scaling_constant,
    k.n_respondents, s.n, s.p_value, s.r_point_biserial, x.sh_p, {{exposure}} AS exposure_rate
FROM exams AS e
JOIN questions AS q ON q.tenant_id = e.tenant_id AND NOT q.is_deleted
LEFT JOIN question_publications AS p
    ON p.question_id = q.id AND p.exam_code = e.exam_code
JOIN LATERAL (
    SELECT * FROM question_versions AS w
    WHERE w.question_id = q.id AND w.version = coalesce(p.live_version, w.version)
        AND (p.live_version IS NOT NULL OR w.state <> 'retired')
    ORDER BY w.version DESC LIMIT 1
) AS v ON true
{OPTIONS}
LEFT JOIN item_calibration AS k
    ON (k.exam_code, k.question_id, k.version, k.model)
    = (e.exam_code, q.id, v.version, e.irt_model)
LEFT JOIN item_stats_ctt AS s
    ON (s.exam_code, s.question_id, s.version) = (e.exam_code, q.id, v.version)
LEFT JOIN item_exposure_control AS x
    ON (x.exam_code, x.question_id, x.version) = (e.exam_code, q.id, v.version)
{{health}}
WHERE e.exam_code = %(exam)s AND (p.question_id IS NOT NULL OR q.exam_code = e.exam_code)
ORDER BY 1, q.id LIMIT %(most)s
"""  # noqa: S608
_HEALTH = """LEFT JOIN analytics.item_health AS h
    ON (h.exam_code, h.question_id, h.version) = (e.exam_code, q.id, v.version)"""


def export_items(
    exam_code: str, path: Path, *, form: Form | None = None, settings: Settings | None = None
) -> tuple[Exported, list[str]]:
    """Writes the items of an exam to a file.

    Args:
        exam_code: of the exam.
        path: of a file that is not there yet.
        form: None is GIFT where the name ends in ``.gift``, QTI where it ends in ``.zip``, else a
            table: Parquet or CSV.
        settings: those of the process where None.

    Returns:
        What was written, and the names of items that the form cannot hold.

    Raises:
        ExportError: the exam does not exist or has no items, or there is a file.
    """
    refuse_taken(path)
    form = form or form_of(path)
    with connect("owner", settings=settings) as connection:
        exam = known_exam(connection, exam_code)
        rows = read_items(connection, exam)
    if not rows:
        raise ExportError(f"exam {exam_code!r} has no items: nothing was written")
    with partial(path) as made:
        with made.open("wb") as file:
            done = write_items(rows, file, exam, form, as_parquet=is_parquet(path))
        return placed(made, path, done.rows, done.columns), done.left_out


def write_items(
    rows: Sequence[dict[str, Any]], file: BinaryIO, exam: Exam, form: Form, *, as_parquet: bool
) -> Written:
    """Writes items to an open file.

    Args:
        rows: of :func:`read_items`.
        file: to be written from its beginning; it stays open.
        exam: whose items they are.
        form: how.
        as_parquet: a table as Parquet, and not as CSV.
    """
    if form == "table":
        table = _table(rows)
        if as_parquet:
            pq.write_table(table, file)
        else:
            _write_csv(table, file)
        return Written(len(rows), table.schema.names, [])
    kept: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    fits = qti.fits if form == "qti" else _fits_gift
    for row in rows:
        (kept if fits(row) else left_out).append(row)
    if form == "qti":
        qti.write(file, kept, exam.exam_code)
    else:
        file.write("\n".join(map(_gift, kept)).encode())
    return Written(len(kept), [], [row["external_ref"] for row in left_out])


def _write_csv(table: pa.Table, file: BinaryIO) -> None:
    # not Arrow's writer, which quotes every text
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.schema.names)
    writer.writerows(zip(*(c.to_pylist() for c in table.columns), strict=True))
    text.detach()


def form_of(path: Path) -> Form:
    """The form that a file's name asks for."""
    return _FORMS.get(path.suffix.lower(), "table")


def read_items(
    connection: Connection, exam: Exam, *, at_most: int | None = None
) -> list[dict[str, Any]]:
    """The items of an exam, by name.

    Args:
        connection: of the owner, or of delivery and the exam's tenant.
        exam: whose items.
        at_most: as many, and no more are read; None is all.
    """
    # null where it is not built
    mart = "SELECT has_table_privilege(to_regclass('analytics.item_health'), 'SELECT')"
    has_mart = connection.execute(mart).fetchone() == (True,)
    query = _QUERY.format(
        exposure="h.exposure_rate" if has_mart else "NULL::float8",
        health=_HEALTH if has_mart else "",
    )
    paths = {number: path for path, number in topics(connection, exam.tenant_id).items()}
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), {"exam": exam.exam_code, "most": at_most}).fetchall()
    for item in found:
        item["path"] = paths[item["topic_id"]]
        item["topic"] = path_of(item["path"])
        item["key"] = next((label for label, _, right in item["options"] if right), None)
        for name in ("difficulty", "bloom_level", "lead_in", "explanation"):
            item[name] = item[name] or ""
    return found


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """One row an item, and a column for each label that an option has."""
    labels = sorted({label for row in rows for label, *_ in row["options"]})
    columns: dict[str, Any] = {"external_ref": pa.array([r["external_ref"] for r in rows])}
    options = [{label: text for label, text, _ in row["options"]} for row in rows]
    for name in _TEXTS:
        values = [row[name] for row in rows]
        if name in ("tags", "references", "assets"):
            values = [_listed(value) for value in values]
        columns[name] = pa.array(values, pa.string())
        if name == "lead_in":
            for label in labels:
                own = [texts.get(label) for texts in options]
                columns[f"option_{label.lower()}"] = pa.array(own, pa.string())
    for field in _USAGE:
        columns[field.name] = pa.array([row[field.name] for row in rows], field.type)
    return pa.table(columns)


def _listed(values: Sequence[Any]) -> str:
    """Values between ``|`` where that is enough, else a list of JSON."""
    plain = all(
        isinstance(value, str) and value.strip() == value and value and "|" not in value
        for value in values
    )
    if not values:
        return ""
    if plain and not values[0].startswith("["):
        return "|".join(values)
    return json.dumps(values, ensure_ascii=False)


_FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]", re.IGNORECASE)


def _fits_gift(row: dict[str, Any]) -> bool:
    """Whether GIFT can say it: options have no labels there, and names are of one line."""
    labels = "".join(label for label, *_ in row["options"])
    is_lettered = len(labels) >= MIN_OPTIONS and LETTERS.startswith(labels)
    return is_lettered and not re.search(r"[\r\n]", row["external_ref"] + row["topic"])


def _gift(row: dict[str, Any]) -> str:
    """A question of GIFT, with its category above it."""
    name = row["external_ref"]
    # a comment ends with its line
    tags = [re.sub(r"\s*[\r\n]\s*", " ", tag) for tag in row["tags"]]
    marks = "".join(f" [tag:{_bracketed(tag)}]" for tag in tags)
    answers = "".join(
        f"\n\t{'=' if right else '~'}{_weight(text, right=right)}{_inner(text)}"
        for _, text, right in row["options"]
    )
    explained = f"\n\t####[markdown]{_escaped(row['explanation'])}" if row["explanation"] else ""
    return (
        f"$CATEGORY: $course$/top/{row['topic']}\n\n"
        f"// [id:{_bracketed(name)}]{marks}\n"
        f"::{_escaped(name)}::[markdown]{_escaped(row['stem'])}{{{answers}{explained}\n}}\n"
    )


def _weight(text: str, *, right: bool) -> str:
    """An option that begins with % would be taken for its worth."""
    return f"%{100 if right else 0}%" if text.lstrip().startswith("%") else ""


def _inner(text: str) -> str:
    form = "[markdown]" if _FORMAT.match(text.lstrip()) else ""
    return f"{form}{_escaped(text)}"


def _escaped(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"([\\~=#{}:])", r"\\\1", text).replace("\n", "\\n")


def _bracketed(text: str) -> str:
    return re.sub(r"([]\\])", r"\\\1", text)
