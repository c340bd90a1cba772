"""``qbank sink``: brings events out of Kafka to where they are kept for analysis.

What never lives here: how (``qbank.sinking``).
"""

from __future__ import annotations

import dataclasses
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show
from qbank.errors import SettingsError

if TYPE_CHECKING:
    from qbank.sinking import ClickHouse, ClickHouseSettings

app = typer.Typer(help="Events out of Kafka, for analysis.", no_args_is_help=True)


@app.command()
def clickhouse() -> None:
    """Bring events into ClickHouse until SIGTERM or Ctrl-C; its tables are made first."""
    from qbank.relay import RelaySettings
    from qbank.sinking import ClickHouseSettings, Consuming
    from qbank.telemetry import Tracing

    relay, settings = RelaySettings.load(), ClickHouseSettings.load()
    if not relay.relay_kafka_servers:
        raise SettingsError("nothing to read from: set QBANK_RELAY_KAFKA_SERVERS")
    tracing = Tracing.configured("qbank-sink")
    consuming = Consuming(_clickhouse(settings), relay, settings, tracing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consuming.stop())
    print(f"from Kafka to ClickHouse as {settings.clickhouse_group}", flush=True)
    consuming.run()
    if tracing is not None:
        tracing.close()


@app.command("compare")
def compare_with_outbox(
    days: Annotated[
        int, typer.Option(min=0, max=366, help="From the beginning of the day so many days ago.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Compare ClickHouse with the outbox; exit code 1 where an event is missing or double."""
    from qbank.postgres import connect
    from qbank.sinking import ClickHouseSettings, compare

    clickhouse = _clickhouse(ClickHouseSettings.load())
    with connect("orchestration") as connection:
        found = compare(connection, clickhouse, days=days)
    clickhouse.close()
    told = {name: value for name, value in dataclasses.asdict(found).items() if name != "named"}
    show([told], as_json=as_json, empty="")
    if found.wrong:
        print(f"qbank: {found.wrong}", file=sys.stderr)
        raise typer.Exit(1)


def _clickhouse(settings: ClickHouseSettings) -> ClickHouse:
    from qbank.sinking import ClickHouse

    found = ClickHouse.configured(settings)
    if found is None:
        raise SettingsError("no ClickHouse is set: set QBANK_CLICKHOUSE_URL")
    return found
