"""The demo from nothing: database, planted data, the whole night, and what came of it.

What never lives here: generating data (``qbank.demo``), and the night's own work.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import psycopg
from rich import box
from rich.table import Table

from qbank import migrations, postgres
from qbank.project_files import checkout
from qbank.serving.services import DEFAULT_PORTS, HOST, missing_services
from qbank.settings import get_settings
from qbank.stores import item_bank, item_parameters, runs
from qbank_orchestration.console import Console

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ExamSummary:
    """One exam after the night; None where a figure does not exist yet.

    Attributes:
        correlation_a, correlation_b: of recovered with planted parameters.
        rmse_a, rmse_b: root mean squared differences.
        max_exposure_before: largest P(A) without exposure control, by simulation.
        max_exposure_after: largest P(A) with the published sh_p, in an independent simulation.
        upper_bound: of all P(A) at once, with 95 % confidence.
        checks_passed, checks_failed, warnings: of the audits of the exam's last run of each kind.
    """

    exam_code: str
    items_calibrated: int
    items_live: int
    correlation_a: float | None
    correlation_b: float | None
    rmse_a: float | None
    rmse_b: float | None
    tau: float
    max_exposure_before: float | None
    max_exposure_after: float | None
    upper_bound: float | None
    overlap_before: float | None
    overlap_after: float | None
    checks_passed: int
    checks_failed: int
    warnings: int


def demonstrate(*, as_json: bool) -> bool:
    """Runs the demo; returns whether everything succeeded.

    Doing it again adds nothing. After a kill it goes on where data is missing: the data is written
    in one transaction, and what a dead night left open is ended before the new one starts.
    """
    from qbank import demo

    migrations.migrate()
    with Console() as console:
        report = demo.generate(
            on_progress=lambda stage, done, total: console.stage(f"demo data: {stage}", done, total)
        )
        console.say(
            f"demo data: {report.questions} questions, {report.sessions} sessions,"
            f" {report.responses} responses" + ("" if report.created else " (there already)")
        )
        night = console.runner().night(datetime.now(UTC).date())
        console.show(night.ended, night.waiting, as_json=False, to_stderr=as_json)
        summaries = summarize(demo.truth())
        _show(console, summaries, as_json=as_json)
    return night.success


def summarize(truth: pd.DataFrame) -> list[ExamSummary]:
    """What is in force for each planted exam, against what was planted."""
    summaries = []
    with postgres.connect("orchestration") as conn:
        for exam_code, planted in truth.groupby("exam_code", sort=True):
            pool = item_bank.load(conn, str(exam_code))
            estimated = item_parameters.in_force(conn, str(exam_code), pool.exam.irt_model)
            last = runs.latest(conn, str(exam_code), "sympson_hetter")
            certificate = ((last.result or {}).get("certificate") or {}) if last else {}
            audited = Counter(_audited(conn, str(exam_code)))
            summaries.append(
                ExamSummary(
                    exam_code=str(exam_code),
                    items_calibrated=int(pool.calibrated.sum()),
                    items_live=len(pool),
                    **_recovery(planted, estimated),
                    tau=pool.exam.tau,
                    max_exposure_before=certificate.get("max_exposure_before"),
                    max_exposure_after=certificate.get("max_exposure"),
                    upper_bound=certificate.get("max_exposure_upper"),
                    overlap_before=certificate.get("overlap_before"),
                    overlap_after=certificate.get("overlap"),
                    checks_passed=audited["passed"],
                    checks_failed=audited["failed"],
                    warnings=audited["warning"],
                )
            )
    return summaries


def _audited(conn: psycopg.Connection[Any], exam_code: str) -> Iterator[str]:
    for kind in get_args(runs.Kind):
        last = runs.latest(conn, exam_code, kind, statuses=("done", "rejected"))
        for check in (last.result or {}).get("checks", []) if last else []:
            yield "passed" if check["passed"] else "failed" if check["blocking"] else "warning"


def _recovery(
    planted: pd.DataFrame, estimated: tuple[item_parameters.ItemParameters, ...]
) -> dict[str, float | None]:
    true = {
        (row.question_id, row.version): (row.a, row.b) for row in planted.itertuples(index=False)
    }
    pairs = [
        (*true[row.question_id, row.version], row.a, row.b)
        for row in estimated
        if (row.question_id, row.version) in true
    ]
    if len(pairs) < 3:
        return dict.fromkeys(("correlation_a", "correlation_b", "rmse_a", "rmse_b"))
    a, b, a_hat, b_hat = np.array(pairs, dtype=np.float64).T
    return {
        "correlation_a": float(np.corrcoef(a, a_hat)[0, 1]),
        "correlation_b": float(np.corrcoef(b, b_hat)[0, 1]),
        "rmse_a": float(np.sqrt(np.mean((a - a_hat) ** 2))),
        "rmse_b": float(np.sqrt(np.mean((b - b_hat) ** 2))),
    }


def _show(console: Console, summaries: list[ExamSummary], *, as_json: bool) -> None:
    if as_json:
        console.print(json.dumps([asdict(summary) for summary in summaries], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="The demo's exams after the night")
    for column in ("", *(summary.exam_code for summary in summaries)):
        table.add_column(column)
    for label, cells in _LINES:
        table.add_row(label, *(cells(summary) for summary in summaries))
    console.print(table)
    ports = [(n, port) for n, port in DEFAULT_PORTS.items() if n not in missing_services()]
    qbank, serve = (".venv/bin/qbank", "make serve") if checkout() else ("qbank", "qbank serve")
    console.print(
        f"Where to look: `{qbank} runs list`, `… runs show ID`\n"
        f"`{serve}` starts Dagit, with every run and check, and what is installed beside it:\n"
        + "".join(f"  {name:8} http://{HOST}:{port}\n" for name, port in ports)
        + f"Data and logs: {get_settings().home}/"
    )


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


_LINES: tuple[tuple[str, Any], ...] = (
    ("items calibrated", lambda s: f"{s.items_calibrated} of {s.items_live} live"),
    (
        "a: correlation, RMSE with planted",
        lambda s: f"{_figure(s.correlation_a)}, {_figure(s.rmse_a)}",
    ),
    (
        "b: correlation, RMSE with planted",
        lambda s: f"{_figure(s.correlation_b)}, {_figure(s.rmse_b)}",
    ),
    (
        "max exposure before → after",
        lambda s: (
            f"{_figure(s.max_exposure_before)} → {_figure(s.max_exposure_after)} (τ {s.tau:g})"
        ),
    ),
    ("certificate: upper bound", lambda s: _figure(s.upper_bound, 4)),
    (
        "overlap before → after",
        lambda s: f"{_figure(s.overlap_before)} → {_figure(s.overlap_after)}",
    ),
    (
        "checks passed",
        lambda s: (
            f"{s.checks_passed}"
            + (f", {s.checks_failed} failed" if s.checks_failed else "")
            + (f", {s.warnings} with a warning" if s.warnings else "")
        ),
    ),
)
