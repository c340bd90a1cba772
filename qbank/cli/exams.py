"""``qbank exam``: exams made, changed and shown.

What never lives here: what can be set, and judging it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qbank.cli.output import AsJson, show, show_json
from qbank.cli.setting_options import options_of_settings
from qbank.errors import RequestError
from qbank.system_user import system_user

if TYPE_CHECKING:
    from qbank.postgres import Connection
    from qbank.stores.audit import Audit
    from qbank.stores.item_bank import Exam

app = typer.Typer(help="Make exams, and set what holds for them.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Code of the exam, or its key.")]
Tenant = Annotated[str | None, typer.Option(help="Whose exam it is, where several have the code.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
_SAME_AGAIN = "The word default takes a setting back."


@app.command("list")
def list_exams(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the exams with what decides their nights."""
    from qbank.exams.administering import in_force
    from qbank.postgres import connect
    from qbank.stores import item_bank

    with connect("orchestration") as connection:
        exams = item_bank.exams(connection, tenant_id=tenant)
    rows = [
        {
            "exam_code": exam.exam_code,
            "code": exam.code,
            "tenant_id": exam.tenant_id,
            "title": exam.title,
            "irt_model": exam.irt_model,
            "tau": exam.tau,
            "test_length": exam.test_length,
            "exposure_control": in_force(exam)[0].exposure_control,
        }
        for exam in exams
    ]
    show(rows, as_json=as_json, empty="no exams: qbank exam create CODE makes one")


@app.command("show")
def show_exam(code: Code, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Show all settings of an exam, and which are its own."""
    from qbank.postgres import connect
    from qbank.stores import item_bank

    with connect("orchestration") as connection:
        exam = item_bank.exam(connection, code, tenant_id=tenant)
    if as_json:
        show_json(_document(exam))
    else:
        _show(exam)


@app.command()
@options_of_settings()
def create(
    code: Annotated[str, typer.Argument(help="Code of the exam.")],
    tenant: Annotated[str, typer.Option(help="Whose exam it is.")] = "default",
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Make an exam; what is left out is the default. The same again changes nothing."""
    from qbank.exams import administering
    from qbank.postgres import connect

    with connect("owner") as connection:
        exam, made = administering.create(
            connection, tenant, code, given, audit=_audit(connection, tenant)
        )
    if as_json:
        show_json(_document(exam) | {"created": made})
        return
    named = f"exam {exam.exam_code}"
    print(f"{named} is made" if made else f"{named} is there already, as it was asked for")
    if exam.exam_code != code:
        print(f"another tenant has an exam {code}: {named} is the key of this one")
    _show(exam)


@app.command("set", epilog=_SAME_AGAIN)
@options_of_settings()
def set_(
    code: Code,
    tenant: Tenant = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Change settings of an exam; what is left out stays as it is."""
    from qbank.exams import administering
    from qbank.postgres import connect
    from qbank.stores import item_bank

    with connect("owner") as connection:
        before = item_bank.exam(connection, code, tenant_id=tenant)
        exam, changed = administering.change(
            connection, before.exam_code, given, audit=_audit(connection, before.tenant_id)
        )
        if dry_run:
            connection.rollback()
    rows = [
        {"setting": one.setting.path, "before": one.before, "after": one.after} for one in changed
    ]
    if as_json:
        show_json({"exam_code": exam.exam_code, "changed": not dry_run, "changes": rows})
        return
    texts = [
        {
            "setting": one.setting.path,
            "before": _text(one.before, one.setting.default),
            "after": _text(one.after, one.setting.default),
        }
        for one in changed
    ]
    named = f"exam {exam.exam_code}"
    show(texts, as_json=False, empty=f"{named} is as it was asked for: nothing changes")
    if changed:
        print("a dry run: nothing was changed" if dry_run else f"{named} is changed")


@app.command("default")
def default_(
    code: Annotated[
        str | None, typer.Argument(help="Code of the exam; left out: show what is set.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose default it is.")] = "default",
    none: Annotated[bool, typer.Option("--none", help="Have no default any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show or set the exam that is meant where a request to the API names none."""
    from qbank.postgres import connect
    from qbank.stores import default_exam

    if code is not None and none:
        raise RequestError(f"exam {code!r} and --none: give one of them")
    with connect("owner") as connection:
        if code is not None or none:
            note = _audit(connection, tenant)
            default_exam.put(connection, tenant, code, audit=note)
        chosen, in_force = default_exam.setting(connection, tenant)
    row = {"tenant_id": tenant, "default_exam": chosen, "in_force": in_force}
    if as_json:
        show_json(row)
    else:
        show([row], as_json=False, empty="")


@app.command()
def blueprint(
    code: Code,
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV with topic, target_weight, min_items; left out: show it."),
    ] = None,
    tenant: Tenant = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show an exam's blueprint, or put that of a file in its place."""
    from qbank.exams import blueprints
    from qbank.postgres import connect
    from qbank.stores import item_bank

    with connect("owner") as connection:
        exam = item_bank.exam(connection, code, tenant_id=tenant)
        if file is not None:
            new = blueprints.read_csv(file)
            note = _audit(connection, exam.tenant_id)
            blueprints.replace(connection, exam.exam_code, new, audit=note)
        entries = blueprints.entries(connection, exam.exam_code)
        if dry_run:
            connection.rollback()
    rows = [entry.model_dump() for entry in entries]
    show(rows, as_json=as_json, empty=f"exam {code} has no blueprint")
    if dry_run and not as_json:
        print("a dry run: nothing was changed")


def _document(exam: Exam) -> dict[str, Any]:
    from qbank.exams.administering import in_force, own

    settings, wrong = in_force(exam)
    return {
        "exam_code": exam.exam_code,
        "code": exam.code,
        "tenant_id": exam.tenant_id,
        "created_at": exam.created_at,
        "settings": settings.model_dump(),
        "own": sorted(own(exam)),
        "wrong": list(wrong),
    }


def _show(exam: Exam) -> None:
    from qbank.exams.administering import in_force, own, shown
    from qbank.exams.settings import settings

    stored = own(exam)
    rows = [
        {
            "setting": setting.path,
            "value": shown(stored.get(setting.path, setting.default)),
            "from": "the exam" if setting.path in stored else "default",
            "option": f"--{setting.option.replace('_', '-')}",
        }
        for setting in settings()
    ]
    show(rows, as_json=False, empty="")
    for message in in_force(exam)[1]:
        print(f"wrong in the policy of exam {exam.exam_code}: {message}")


def _text(value: Any, default: Any) -> str:
    from qbank.exams.administering import shown

    return f"default ({shown(default)})" if value is None else shown(value)


def _audit(connection: Connection, tenant: str) -> Audit:
    from qbank.stores import audit

    return audit.noting(connection, tenant, system_user("command line"))
