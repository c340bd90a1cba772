"""``qbank runs``: calibration runs and what they changed.

What never lives here: starting runs (the orchestration's commands).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from qbank.cli.output import AsJson, show, show_csv, show_json

app = typer.Typer(help="Calibration runs and what they changed.", no_args_is_help=True)
RunId = Annotated[UUID, typer.Argument(help="Id of the run; see qbank runs list.")]
_LISTED = ("id", "kind", "exam_code", "status", "stopped_reason", "requested_by", "created_at")


@app.command("list")
def list_runs(
    exam: Annotated[str | None, typer.Option("--exam", help="Only of this exam.")] = None,
    kind: Annotated[str | None, typer.Option(help="irt, sympson_hetter, reestimation …")] = None,
    status: Annotated[str | None, typer.Option(help="queued, running, done, failed …")] = None,
    page: Annotated[int, typer.Option(min=1)] = 1,
    page_size: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    from qbank.postgres import connect
    from qbank.stores import runs

    where: Any = runs.RunFilter(exam_code=exam, kind=kind, status=status)  # type: ignore[arg-type]  # checked by the command's choices
    with connect("orchestration") as connection:
        found = runs.list(connection, where, page=page, page_size=page_size)
    rows = [_row(run) for run in found.runs]
    if as_json:
        show_json({"total": found.total, "page": page, "page_size": page_size, "runs": rows})
        return
    show(rows, as_json=False, empty="no runs")
    if found.total > len(rows):
        print(f"{len(rows)} of {found.total} runs, page {page}: --page {page + 1} has more")


@app.command("show")
def show_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Show one run: its request, its iterations and its result."""
    from qbank.postgres import connect
    from qbank.stores import runs

    with connect("orchestration") as connection:
        run = runs.get(connection, run_id)
    if as_json:
        show_json(asdict(run))
        return
    facts = {k: v for k, v in asdict(run).items() if k not in ("history", "result", "params")}
    show([{"field": k, "value": v} for k, v in facts.items()], as_json=False, empty="")
    print("params")
    show_json(run.params)
    print("result")
    show_json({k: v for k, v in (run.result or {}).items() if k != "proposal"})
    print(f"history: {len(run.history)} iterations (--json shows them)")


@app.command()
def diff(
    run_id: RunId,
    as_csv: Annotated[bool, typer.Option("--csv", help="qid,ver,sh_p_before,…")] = False,
    as_json: AsJson = False,
) -> None:
    """Show sh_p before and after a run, item by item."""
    from qbank.postgres import connect
    from qbank.stores import runs

    with connect("orchestration") as connection:
        changes = runs.diff(connection, run_id)
    header = ("qid", "ver", "sh_p_before", "sh_p_after", "delta")
    rows = [(c.question_id, c.version, c.sh_p_before, c.sh_p_after, c.delta) for c in changes]
    if as_csv:
        show_csv(header, rows)
        return
    named = [dict(zip(header, row, strict=True)) for row in rows]
    show(named, as_json=as_json, empty="the run changed nothing")


def _row(run: Any) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _LISTED}
