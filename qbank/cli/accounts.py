"""``qbank account``: accounts of programs that call the API.

What never lives here: how they sign in.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show, show_json
from qbank.system_user import system_user

if TYPE_CHECKING:
    from qbank.postgres import Connection
    from qbank.stores.audit import Audit
    from qbank.stores.service_accounts import Made

app = typer.Typer(help="Accounts of programs that call the API.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(metavar="ID", help="The account's client id.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(help="PEM file: sign in by its private half (private_key_jwt), not by a secret."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    scope: Annotated[
        list[str],
        typer.Option(help="What it may do: exams, exports, imports, results. Once for each."),
    ],
    tenant: Annotated[str, typer.Option(help="Whose rows it reads and writes.")] = "default",
    days: Annotated[int, typer.Option(help="It ends after so many days.")] = 365,
    public_key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Make an account. Its secret is told now and never again."""
    from qbank.postgres import connect
    from qbank.stores import service_accounts

    with connect("owner") as connection:
        made = service_accounts.create(
            connection,
            tenant,
            name,
            scope,
            days=days,
            public_key=_read(public_key),
            audit=_audit(connection, tenant),
        )
    _tell(made, as_json=as_json)


@app.command("list")
def list_accounts(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the accounts, the newest first, with how many secrets and keys they have."""
    from qbank.postgres import connect
    from qbank.stores import service_accounts

    with connect("owner") as connection:
        found = service_accounts.find(connection, tenant)
    if not as_json:
        found = [one | {"scopes": " ".join(one["scopes"])} for one in found]
    show(found, as_json=as_json, empty="no accounts: qbank account create NAME makes one")


@app.command()
def rotate(
    account: Account,
    keep_minutes: Annotated[
        int, typer.Option(help="Credentials of before are good for so long.")
    ] = 0,
    public_key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Give an account a new secret or key; those of before end."""
    from qbank.postgres import connect
    from qbank.stores import service_accounts

    with connect("owner") as connection:
        tenant = service_accounts.tenant_of(connection, account)
        made = service_accounts.rotate(
            connection,
            account,
            keep=timedelta(minutes=keep_minutes),
            public_key=_read(public_key),
            audit=_audit(connection, tenant),
        )
    _tell(made, as_json=as_json)


@app.command()
def revoke(account: Account) -> None:
    """End an account for good."""
    from qbank.postgres import connect
    from qbank.stores import service_accounts

    with connect("owner") as connection:
        tenant = service_accounts.tenant_of(connection, account)
        ended = service_accounts.revoke(connection, account, audit=_audit(connection, tenant))
    print(f"account {account} is revoked" if ended else f"account {account} was revoked before")


def _read(file: Path | None) -> str | None:
    from qbank.stores import InvalidValueError

    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError(
            f"--public-key {file} cannot be read as PEM ({error.__class__.__name__})"
        ) from error


def _tell(made: Made, *, as_json: bool) -> None:
    if as_json:
        show_json({"client_id": made.client_id, "client_secret": made.secret})
        return
    print(f"client_id {made.client_id}")
    if made.secret is not None:
        print(f"client_secret {made.secret}")
        print("the secret is not kept here: keep it now, it is told only this once")


def _audit(connection: Connection, tenant: str) -> Audit:
    from qbank.stores import audit

    return audit.noting(connection, tenant, system_user())
