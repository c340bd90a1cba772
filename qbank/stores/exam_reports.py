"""The newest technical report of each exam, and whether there is anything new to report.

What never lives here: what a report says (``qbank.reporting``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from qbank.stores.errors import NotFoundError
from qbank.vocabulary import ReportForm

_COLUMNS: Final = """exam_code, input_fingerprint, cuts, run_id, as_of, missing, sha256, folder,
    written_at"""


@dataclass(frozen=True)
class ExamReport:
    """A report that is kept, without its files.

    Attributes:
        input_fingerprint: of what the exam was when the report was begun.
        cuts: abilities at which the exam decides.
        run_id: the calibration that it is about.
        as_of: the newest moment in its data.
        missing: sections without evidence, and what brings it.
        sha256: of the JSON.
        folder: where the files lie on the machine that wrote them.
    """

    exam_code: str
    input_fingerprint: str
    cuts: list[float]
    run_id: UUID | None
    as_of: datetime | None
    missing: dict[str, str]
    sha256: str
    folder: str
    written_at: datetime


def newest(conn: Connection[Any], exam_code: str) -> ExamReport | None:
    """The report of an exam, by its key; None where none was written yet."""
    sql = f"SELECT {_COLUMNS} FROM exam_reports WHERE exam_code = %s"  # noqa: S608
    with conn.cursor(row_factory=class_row(ExamReport)) as cursor:
        return cursor.execute(sql, (exam_code,)).fetchone()


def file(conn: Connection[Any], exam_code: str, form: ReportForm) -> bytes:
    """One of the report's files.

    Raises:
        NotFoundError: no report of the exam was written yet.
    """
    sql = """SELECT CASE %s::text WHEN 'html' THEN html WHEN 'pdf' THEN pdf WHEN 'json' THEN json
        WHEN 'csv' THEN csv END FROM exam_reports WHERE exam_code = %s"""
    row = conn.execute(sql, (form, exam_code), binary=True).fetchone()
    if row is None:
        raise NotFoundError(f"a report of exam {exam_code} does not exist")
    return bytes(row[0])


def keep(
    conn: Connection[Any], report: ExamReport, files: Mapping[ReportForm, bytes]
) -> ExamReport:
    """Puts a report in the place of the exam's last one; when that was is the database's to say."""
    sql = f"""INSERT INTO exam_reports (exam_code, input_fingerprint, cuts, run_id, as_of, missing,
            sha256, folder, html, pdf, json, csv)
        VALUES (%(exam_code)s, %(input_fingerprint)s, %(cuts)s, %(run_id)s, %(as_of)s, %(missing)s,
            %(sha256)s, %(folder)s, %(html)s, %(pdf)s, %(json)s, %(csv)s)
        ON CONFLICT (exam_code) DO UPDATE SET input_fingerprint = excluded.input_fingerprint,
            cuts = excluded.cuts, run_id = excluded.run_id, as_of = excluded.as_of,
            missing = excluded.missing, sha256 = excluded.sha256, folder = excluded.folder,
            html = excluded.html, pdf = excluded.pdf, json = excluded.json, csv = excluded.csv,
            written_at = clock_timestamp()
        RETURNING {_COLUMNS}"""  # noqa: S608
    values = vars(report) | {"missing": Jsonb(dict(report.missing))} | dict(files)
    with conn.cursor(row_factory=class_row(ExamReport)) as cursor:
        row = cursor.execute(sql, values).fetchone()
    assert row is not None  # noqa: S101
    return row


def still_holds(conn: Connection[Any], exam_code: str, input_fingerprint: str) -> None:
    """Notes that the report of an exam is the same for what the exam is now."""
    conn.execute(
        "UPDATE exam_reports SET input_fingerprint = %s WHERE exam_code = %s",
        (input_fingerprint, exam_code),
    )


def fingerprints(conn: Connection[Any], exam_codes: Sequence[str] | None = None) -> dict[str, str]:
    """What reports are written from, of each exam that there is anything to report of.

    Settings, sittings, runs, changes of exposure control and items, by one statement for all exams;
    of no exam before the marts are built.
    """
    values = {"exams": None if exam_codes is None else [*exam_codes]}
    built = conn.execute("SELECT to_regclass('analytics.item_health') IS NOT NULL").fetchone()
    return dict(conn.execute(_FINGERPRINTS, values).fetchall()) if built and built[0] else {}


def due(conn: Connection[Any], exam_codes: Sequence[str] | None = None) -> dict[str, str]:
    """Exams that are others than at their last report, or never had one: why, by key."""
    now = fingerprints(conn, exam_codes)
    sql = "SELECT exam_code, input_fingerprint, written_at FROM exam_reports"
    last = {code: (known, at) for code, known, at in conn.execute(sql).fetchall()}
    return {
        code: f"changed since the report of {last[code][1]:%Y-%m-%d}"
        if code in last
        else "no report yet"
        for code, fingerprint in now.items()
        if code not in last or last[code][0] != fingerprint
    }


_FINGERPRINTS: Final = """
WITH sat AS (
    SELECT exam_code, count(*) AS n, max(loaded_at) AS at FROM analytics.fact_sessions GROUP BY 1
), ran AS (
    SELECT exam_code, count(*) AS n, max(finished_at) AS at FROM calibration_runs
    WHERE status = 'done' AND stopped_reason IS DISTINCT FROM 'dry_run' GROUP BY 1
), moved AS (SELECT exam_code, max(id) AS id FROM item_exposure_history GROUP BY 1
), planned AS (
    SELECT exam_code, array_agg((topic_id, target_weight, min_items)::text ORDER BY topic_id) AS was
    FROM exam_blueprints GROUP BY 1
)
SELECT e.exam_code, md5(ROW(e.title, e.irt_model, e.tau, e.test_length, e.policy,
    sat.n, extract(epoch FROM sat.at), ran.n, extract(epoch FROM ran.at), moved.id,
    extract(epoch FROM x.examined_at), b.pool_version, planned.was)::text)
FROM exams AS e LEFT JOIN sat USING (exam_code) LEFT JOIN ran USING (exam_code)
LEFT JOIN moved USING (exam_code) LEFT JOIN planned USING (exam_code)
LEFT JOIN item_examinations AS x USING (exam_code) LEFT JOIN bank_versions AS b USING (exam_code)
WHERE (sat.n > 0 OR ran.n > 0)
    AND (%(exams)s::text[] IS NULL OR e.exam_code = ANY(%(exams)s))
ORDER BY e.exam_code"""
