"""``qbank sink``: brings events out of Kafka to where they are kept for analysis.

What never lives here: how (``qbank.sinking``).
"""

from __future__ import annotations

import signal

import typer

from qbank.errors import SettingsError

app = typer.Typer(help="Events out of Kafka, for analysis.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, though it has one command."""


@app.command()
def clickhouse() -> None:
    """Bring events into ClickHouse until SIGTERM or Ctrl-C; its tables are made first."""
    from qbank.relay import RelaySettings
    from qbank.sinking import ClickHouse, ClickHouseSettings, Consuming

    relay, settings = RelaySettings.load(), ClickHouseSettings.load()
    if not relay.relay_kafka_servers:
        raise SettingsError("nothing to read from: set QBANK_RELAY_KAFKA_SERVERS")
    if settings.clickhouse_url is None:
        raise SettingsError("nowhere to write to: set QBANK_CLICKHOUSE_URL")
    consuming = Consuming(ClickHouse(settings.clickhouse_url.get_secret_value()), relay, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consuming.stop())
    print(f"from Kafka to ClickHouse as {settings.clickhouse_group}", flush=True)
    consuming.run()
