"""The result of a check that judges each exam by itself: what is wrong, and a table of all.

What never lives here: judging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from qbank_orchestration.engine.finding import Judged
from qbank_orchestration.metadata.tables import table


def by_exam(
    judged: Sequence[Judged],
    fine: str = "are fine",
    more: Mapping[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckResult:
    """Warns of the exams that are not fine.

    Args:
        judged: one verdict per exam.
        fine: what is said of the exams where all are.
        more: metadata beside the table.
    """
    wrong = [exam for exam in judged if not exam.fine]
    numbers = sorted({name for exam in judged for name in exam.numbers})
    rows = [
        {"exam_code": exam.exam_code, "fine": exam.fine, "why": exam.why}
        | {name: exam.numbers.get(name) for name in numbers}
        for exam in sorted(judged, key=lambda exam: (exam.fine, exam.exam_code))
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{exam.exam_code}: {exam.why}" for exam in wrong)
        or f"{len(judged)} exams {fine}",
        metadata={
            "exams": len(judged),
            "exams_not_fine": len(wrong),
            **({"by_exam": table(rows)} if rows else {}),
            **(more or {}),
        },
    )
