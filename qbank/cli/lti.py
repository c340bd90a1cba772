"""``qbank lti``: learning platforms that may launch people into exams, and scores that go back.

What never lives here: launches, and sending.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show
from qbank.system_user import system_user
from qbank.vocabulary import LtiScoreState, code_of, refuse_other_words, words

if TYPE_CHECKING:
    from qbank.postgres import Connection
    from qbank.stores.audit import Audit

app = typer.Typer(
    help="Learning platforms (LTI 1.3), and scores that go back to them.", no_args_is_help=True
)
OfTenant = Annotated[str | None, typer.Option("--tenant", help="Only of this tenant.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    issuer: Annotated[str, typer.Option(help="What it calls itself (platform id, iss).")],
    client_id: Annotated[str, typer.Option(help="What it calls this tool.")],
    deployment: Annotated[
        list[str], typer.Option(help="Where in it the tool is installed. Once for each.")
    ],
    auth_url: Annotated[str, typer.Option(help="Its authentication request address.")],
    token_url: Annotated[str, typer.Option(help="Its access token address.")],
    jwks_url: Annotated[str, typer.Option(help="Its public keyset address.")],
    tenant: Annotated[str, typer.Option(help="Whose exams it launches into.")] = "default",
    token_audience: Annotated[
        str | None,
        typer.Option(help="What its token address wants to be called, where that is not itself."),
    ] = None,
) -> None:
    """Register a platform, as its own page about the tool has it."""
    from qbank.postgres import connect
    from qbank.settings import get_settings
    from qbank.stores import lti_platforms

    platform = lti_platforms.Platform(
        name,
        issuer,
        client_id,
        tuple(deployment),
        auth_url,
        token_url,
        jwks_url,
        token_audience,
    )
    with connect("owner") as connection:
        made = lti_platforms.add(
            connection,
            tenant,
            platform,
            dev=get_settings().env == "dev",
            audit=_audit(connection, tenant),
        )
    print(f"platform {made}")


@app.command("list")
def list_platforms(tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List the platforms, the newest first, with how often people were launched."""
    from qbank.postgres import connect
    from qbank.stores import lti_platforms

    with connect("owner") as connection:
        found = lti_platforms.find(connection, tenant)
    if not as_json:
        short = ("id", "tenant_id", "name", "issuer", "client_id", "launches", "last_launch")
        found = [{name: one[name] for name in short} for one in found]
    show(found, as_json=as_json, empty="no platforms: qbank lti add NAME registers one")


@app.command()
def remove(platform: Annotated[str, typer.Argument(metavar="ID", help="As list has it.")]) -> None:
    """End a registration: nobody is launched by it any more."""
    from qbank.postgres import connect
    from qbank.stores import lti_platforms

    with connect("owner") as connection:
        tenant = lti_platforms.tenant_of(connection, platform)
        lti_platforms.remove(connection, platform, audit=_audit(connection, tenant))
    print(f"platform {platform} is removed")


@app.command()
def scores(
    state: Annotated[
        str | None, typer.Option(help="waiting, sent, superseded or given_up.")
    ] = None,
    tenant: OfTenant = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List scores of launched sittings, the newest first, and whether the platform has them."""
    from qbank.postgres import connect
    from qbank.stores import InvalidValueError, lti_scores

    if state is not None:
        refuse_other_words(InvalidValueError, [("--state", state, words(LtiScoreState))])
    with connect("owner") as connection:
        found, _ = lti_scores.find(connection, tenant, state, limit=limit)
    show(
        [dataclasses.asdict(score) | {"exam_code": code_of(score.exam_code)} for score in found],
        as_json=as_json,
        empty="no launched sitting has come to a result",
    )


@app.command()
def resend(score: Annotated[int, typer.Argument(metavar="SCORE", help="Its number.")]) -> None:
    """Try a score again that was given up; it is sent as it was."""
    from qbank.postgres import connect
    from qbank.stores import lti_scores

    with connect("owner") as connection:
        tenant = lti_scores.tenant_of(connection, score)
        lti_scores.resend(connection, score, audit=_audit(connection, tenant))
    print(f"score {score} is sent again")


def _audit(connection: Connection, tenant: str) -> Audit:
    from qbank.stores import audit

    return audit.noting(connection, tenant, system_user())
