"""``qbank alerts``: whether alerts reach the people they are meant for.

What never lives here: how they get there (``qbank.alerts``).
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import typer

from qbank.errors import SettingsError
from qbank.system_user import system_user

app = typer.Typer(help="Alerts on failed runs and nights: try them.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, though it has one command."""


@app.command()
def test() -> None:
    """Send a test alert by every way that is set up; exit code 1 where one does not take it."""
    from qbank.alerts import Alert, AlertSettings, Outbox, configured_sinks, deliver

    settings = AlertSettings.load()
    sinks = configured_sinks(settings)
    if not sinks:
        raise SettingsError(
            "no way is set up: set QBANK_ALERT_SLACK_URL, QBANK_ALERT_MAIL_TO or"
            " QBANK_ALERT_WEBHOOK_URL"
        )
    now = datetime.now(UTC)
    alert = Alert(
        f"test:{now.isoformat()}",
        "a test alert: nothing failed",
        (
            ("sent by", f"{system_user('the command line')} on {socket.gethostname()}"),
            ("at", f"{now:%Y-%m-%d %H:%M} UTC"),
        ),
        settings.alert_dagit_url,
    )
    outbox = Outbox(now.timestamp(), now.timestamp())
    outbox.take([alert], [sink.name for sink in sinks], now.timestamp())
    outcomes = deliver(outbox, sinks)
    for outcome in outcomes:
        print(f"{outcome.sink:<8} {outcome.error or 'taken'}")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)
