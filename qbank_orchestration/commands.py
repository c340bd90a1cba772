"""Commands of the night: nightly, calibrate, reestimate, backfill, rollback, demo.

Each drives the daemon's own jobs on the instance that Dagit shows: by the daemon where one lives,
else in this process. What never lives here: what a job does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from qbank.cli.request_options import options_of
from qbank.requests import Reestimation, SympsonHetter
from qbank.requests import Request as CalibrationRequest
from qbank.system_user import system_user
from qbank_orchestration import comparing
from qbank_orchestration.asking import Request

app = typer.Typer()
app.add_typer(comparing.app, name="exposure")

Exam = Annotated[str, typer.Option("--exam", help="Code of the exam.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A UTC day.")]


@app.command()
def nightly(
    exam: Annotated[list[str] | None, typer.Option(help="Only these exams.")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Calibrate exposure control whether or not due.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Runs the night now: marts, parameters, exposure control, re-estimation, results."""
    from qbank_orchestration.console import Console

    with Console() as console:
        exams = exam and [*console.exam_keys(exam).values()]
        runner = console.runner()
        chosen = day.date() if day else datetime.now(UTC).date()
        done = runner.night(chosen, exams=exams, full=full)
    console.show(done.ended, done.waiting, as_json=as_json)
    if not done.success:
        raise typer.Exit(1)


@app.command()
@options_of(SympsonHetter)
def calibrate(exam: Exam, as_json: AsJson = False, **given: Any) -> None:
    """Calibrates an exam's exposure control by Sympson-Hetter and publishes what passes."""
    _ask(
        [Request("sympson_hetter", exam, _resolved(SympsonHetter, exam, given), _who())],
        as_json=as_json,
    )


@app.command()
@options_of(Reestimation)
def reestimate(
    exam: Exam,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Re-estimates an exam's sh_p for a day (default today) from what was served before it."""
    chosen = day.date() if day else datetime.now(UTC).date()
    params = _resolved(Reestimation, exam, given, day=chosen)
    _ask([Request("reestimation", exam, params, _who(), day=chosen)], as_json=as_json)


@app.command()
def backfill(
    exam: Annotated[list[str], typer.Option(help="Code of an exam; repeat for more.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    as_json: AsJson = False,
) -> None:
    """Re-estimates every day of a range, oldest first; one failed day does not stop the others."""
    from qbank_orchestration.engine.backfill import plan

    days = plan(first.date(), last.date())
    asked = [
        Request("reestimation", code, {}, _who(), day=day)
        for day in days
        for code in dict.fromkeys(exam)
    ]
    _ask(asked, as_json=as_json)


@app.command()
def rollback(
    to: Annotated[str, typer.Option(help="Id of the run to go back to: `qbank runs list`.")],
    note: Annotated[str | None, typer.Option(help="Why; kept with the history.")] = None,
    as_json: AsJson = False,
) -> None:
    """Takes an exam's exposure control back to where an earlier run had put it."""
    from qbank import postgres
    from qbank.errors import QbankError
    from qbank_orchestration.engine import rollback as rolling

    try:
        target_id = UUID(to)
    except ValueError as error:
        raise QbankError(f"--to {to!r} is no run id: see `qbank runs list`") from error
    with postgres.connect("orchestration") as conn:
        run = rolling.request(conn, target_id, requested_by=_who(), note=note)
    asked = Request("rollback", run.exam_code, run_id=run.id, why=f"back to run {to}")
    _ask([asked], as_json=as_json)


@app.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Removes what is older than the settings keep; exit code 1 where somebody needed it."""
    from dataclasses import asdict

    from qbank.cli.output import show
    from qbank_orchestration.instance import instance
    from qbank_orchestration.retention import remove_old

    with instance() as opened:
        removed = remove_old(opened, dry_run=dry_run)
    done = "would go" if dry_run else "removed"
    rows = [
        {("count" if as_json else done) if k == "count" else k: v for k, v in asdict(each).items()}
        for each in removed
    ]
    show(rows, as_json=as_json, empty="nothing")
    if any(each.problem for each in removed):
        raise typer.Exit(1)


@app.command()
def manifest() -> None:
    """Builds the dbt manifest that the Dagster code location loads; needs no database."""
    from qbank_orchestration.dbt import parse, project

    parse(project())
    print(project().manifest_path)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Runs dbt on the marts, e.g. `qbank dbt build --full-refresh --select topic_mastery+`."""
    from qbank_orchestration.dbt import by_hand

    raise typer.Exit(by_hand(context.args))


@app.command()
def demo(
    as_json: AsJson = False,
) -> None:
    """Everything from nothing: database, demo data, the whole night, and a summary."""
    from qbank_orchestration.demonstration import demonstrate

    if not demonstrate(as_json=as_json):
        raise typer.Exit(1)


def _ask(requests: list[Request], *, as_json: bool) -> None:
    from qbank_orchestration.console import Console

    with Console() as console:
        keys = console.exam_keys(sorted({request.exam_code for request in requests}))
        keyed = [replace(request, exam_code=keys[request.exam_code]) for request in requests]
        ended = console.runner().requests(keyed)
    console.show(ended, {}, as_json=as_json)
    if not all(run.success for run in ended):
        raise typer.Exit(1)


def _resolved(
    request: type[CalibrationRequest], exam_code: str, given: dict[str, Any], **about: Any
) -> dict[str, Any]:
    """Fills a request, and so refuses a wrong one at once, before anything starts."""
    from qbank import postgres
    from qbank.requests import topic_caps
    from qbank.stores import item_bank

    with postgres.connect("orchestration") as conn:
        exam = item_bank.exam(conn, exam_code)
        filled = request.resolve(exam, given, **about)
        if isinstance(filled, SympsonHetter):
            topic_caps.check(conn, exam, filled)
    return filled.given()


def _who() -> str:
    return system_user("command line")
