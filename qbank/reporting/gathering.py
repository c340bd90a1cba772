"""Puts a report together.

What never lives here: what a section says, and how it looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from qbank.postgres import connect
from qbank.reporting import controlling, describing, fairness, measuring
from qbank.reporting.document import Document
from qbank.reporting.standards import standards
from qbank.reporting.subject import Subject, subject
from qbank.settings import Settings

SECTIONS = (
    describing.design,
    describing.population,
    describing.blueprint,
    describing.items,
    fairness.fit,
    fairness.fairness,
    measuring.precision,
    measuring.decisions,
    controlling.linking,
    controlling.exposure,
    controlling.security,
    controlling.changes,
    controlling.lineage,
)


def gather(
    exam_code: str,
    *,
    run_id: UUID | None = None,
    cuts: Sequence[float] = (),
    settings: Settings | None = None,
) -> Document:
    """The report of an exam, from one snapshot of the database.

    Args:
        exam_code: key of the exam.
        run_id: the calibration that it is about; the newest that published where None.
        cuts: abilities at which the exam decides.
        settings: those of the process where None.

    Raises:
        ReportError: no such exam or run, the run is another exam's or published nothing, or the
            marts are not built.
    """
    with connect("orchestration", settings=settings) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        about = subject(conn, exam_code, run_id, tuple(sorted(set(cuts))))
        sections = tuple(section(about) for section in SECTIONS)
        as_of = _as_of(about)
    newest = about.exposure or about.parameters
    return Document(
        exam_code=about.exam.exam_code,
        title=about.exam.title,
        as_of=as_of,
        run_id=newest.id if newest else None,
        sections=(*sections, standards(sections)),
    )


def _as_of(about: Subject) -> datetime | None:
    moments = about.rows(
        """SELECT max(loaded_at) FROM analytics.fact_sessions WHERE exam_code = %(exam)s
        UNION ALL SELECT max(finished_at) FROM calibration_runs WHERE exam_code = %(exam)s"""
    )
    return max((moment for (moment,) in moments if moment is not None), default=None)
