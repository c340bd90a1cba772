"""``qbank person``: what is stored about a person, given out or erased.

What never lives here: finding it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show, show_csv, show_json
from qbank.vocabulary import refuse_other_words

if TYPE_CHECKING:
    from qbank.import_reports import Erased

app = typer.Typer(help="Give out or erase what is stored about a person.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(metavar="ID", help="The id that the person's answers have.")]
Tenant = Annotated[
    str | None, typer.Option(help="Whose person it is; needed where several tenants know the id.")
]


@app.command("export")
def export_person(
    person: Person,
    tenant: Tenant = None,
    out: Annotated[
        Path | None, typer.Option(help="A new file; a new folder for csv. Without it: print JSON.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="json, or csv: a file a section.")] = "json",
) -> None:
    """Give out everything that is stored about a person; files are for their owner alone."""
    from qbank import people
    from qbank.errors import PersonError
    from qbank.people.exporting import as_json

    refuse_other_words(PersonError, [("--format", form, ("json", "csv"))])
    if form == "csv" and out is None:
        raise PersonError("--format csv makes a folder of files: name it with --out")
    document = people.everything_about(person, tenant=tenant)
    if out is None:
        print(as_json(document))
        return
    if form == "csv":
        files = people.write_csv(document, out)
        print(f"{out}: {', '.join(file.name for file in files)}")
        return
    people.write_json(document, out)
    rows = sum(len(section) for section in document.values() if isinstance(section, list))
    print(f"{out}: {rows} rows about person {document['person']} of tenant {document['tenant']}")


@app.command()
def pseudonym(
    people: Annotated[
        list[str], typer.Argument(metavar="ID…", help="Ids; - reads one a line from stdin.")
    ],
    tenant: Annotated[str, typer.Option(help="Whose people they are.")] = "default",
) -> None:
    """Print the pseudonym of each id, for who has the key: alone, or as CSV beside its id."""
    from qbank.people.finding import plain_id
    from qbank.postgres import connect
    from qbank.pseudonyms import PseudonymKey, check
    from qbank.settings import get_settings

    key = PseudonymKey.load(get_settings())
    with connect("owner") as connection:
        key = check(connection, key, tenant)
    if people != ["-"] and len(people) == 1:
        print(key.pseudonym(tenant, plain_id(people[0])))
        return
    ids = (line for line in sys.stdin if line.strip()) if people == ["-"] else people
    named = ((plain, key.pseudonym(tenant, plain)) for plain in map(plain_id, ids))
    show_csv(("id", "pseudonym"), named)


@app.command()
def rekey(
    new_key_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The key to come; mode 0600, 32 bytes or more.")
    ],
    tenant: Annotated[str, typer.Option(help="Whose people they are.")] = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change; writes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give everybody of a tenant a pseudonym by another key, whole or not at all."""
    from qbank.people.rekeying import rekey as change

    done = change(new_key_file, tenant=tenant, dry_run=dry_run)
    if as_json:
        show_json(asdict(done))
        return
    if dry_run:
        print(f"{done.people} people and {done.sittings} sittings would get other names")
        print("dry run: nothing was written")
        return
    print(
        f"{done.people} people of tenant {tenant} have other pseudonyms, and {done.sittings} "
        "sittings other ids; marts follow with the next night"
    )
    print(
        f"from now on QBANK_PSEUDONYM_KEY_FILE={new_key_file}. Exports and backups of before are by"
        " the key before: see docs/core/people.md"
    )


@app.command()
def erase(
    person: Person,
    tenant: Tenant = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go; writes nothing.")
    ] = False,
    with_open: Annotated[
        bool, typer.Option("--with-open", help="Also a quiz that is under way.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person, whole or not at all; the marts follow with the next night."""
    from qbank import people
    from qbank.errors import PersonError

    if not (dry_run or yes):
        if not sys.stdin.isatty():
            raise PersonError("erasing a person needs --yes where nobody can be asked")
        found = people.erase(person, tenant=tenant, with_open=with_open, dry_run=True)
        _show(found)
        typer.confirm(f"Erase person {person} of tenant {found.tenant}?", abort=True)
        tenant = found.tenant
    done = people.erase(person, tenant=tenant, with_open=with_open, dry_run=dry_run)
    if as_json:
        show_json(asdict(done) | {"erased": not dry_run})
        return
    _show(done)
    if dry_run:
        print("a dry run: nothing was erased")
        return
    print(f"person {person} of tenant {done.tenant} is erased; marts follow with the next night")
    print(
        "backups, exported files and rejects of imports that you keep may hold the person still: "
        "see docs/core/people.md"
    )


def _show(found: Erased) -> None:
    rows = [
        {"table": table, "rows": count, "what": what}
        for what, counts in (
            ("removed", found.removed),
            ("name removed", found.name_removed),
            ("kept: what the person did as staff", found.kept),
        )
        for table, count in counts.items()
    ]
    show(rows, as_json=False, empty="")
