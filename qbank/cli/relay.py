"""``qbank relay``: brings what happened to those who read along.

What never lives here: how (``qbank.relay``).
"""

from __future__ import annotations

import dataclasses
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show
from qbank.errors import QbankError, SettingsError

if TYPE_CHECKING:
    from qbank.postgres import Connection
    from qbank.relay import Relay, Sink

app = typer.Typer(help="Events out of the outbox to Kafka or a webhook. Without a command: relay.")
OfSink = Annotated[
    str | None, typer.Option("--sink", help="kafka or webhook; both where left out.")
]


@app.callback(invoke_without_command=True)
def relay(context: typer.Context) -> None:
    """Relay until SIGTERM or Ctrl-C; the batch at hand is finished."""
    if context.invoked_subcommand is None:
        _run()


def _run() -> None:
    from qbank.relay import Relay, RelaySettings
    from qbank.telemetry import Tracing

    settings = RelaySettings.load()
    sinks = _sinks()
    if settings.relay_metrics_port is not None:
        from qbank.relay import metrics

        metrics.serve(settings.relay_metrics_host, settings.relay_metrics_port, _connection)
    tracing = Tracing.configured("qbank-relay")
    relays = [
        Relay(
            sink,
            _connection,
            batch=settings.relay_batch,
            poll_s=settings.relay_poll_s,
            tracing=tracing,
        )
        for sink in sinks
    ]
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    threads = [threading.Thread(target=_until_it_ends, args=(each, ended)) for each in relays]
    for thread in threads:
        thread.start()
    print(f"relaying to {', '.join(sink.name for sink in sinks)}", flush=True)
    ended.wait()
    failed = [thread for thread in threads if not thread.is_alive()]
    for each in relays:
        each.stop()
    for thread in threads:
        thread.join()
    for sink in sinks:
        sink.close()
    if tracing is not None:
        tracing.close()
    if failed:
        raise QbankError("the relay ended by itself: its log says why")


def _until_it_ends(relay: Relay, ended: threading.Event) -> None:
    try:
        relay.run()
    finally:
        ended.set()  # of one that fails, all end: whoever keeps the process starts it again


@app.command()
def status(as_json: AsJson = False) -> None:
    """How far each sink is; exit code 1 where one is late, has a problem or events set aside."""
    from qbank.relay import standing, wrong

    with _connection() as connection:
        found, problems = standing(connection), wrong(connection)
    show(
        [dataclasses.asdict(sink) for sink in found],
        as_json=as_json,
        empty="nothing was relayed yet: qbank relay",
    )
    for problem in problems:
        print(f"qbank: {problem}", file=sys.stderr)
    if problems or any(sink.problem for sink in found):
        raise typer.Exit(1)


@app.command("dead-letters")
def dead_letters(sink: OfSink = None, as_json: AsJson = False) -> None:
    """List events that a sink would not take."""
    from qbank.relay import dead_letters

    with _connection() as connection:
        found = dead_letters(connection, sink)
    show(
        [dataclasses.asdict(letter) for letter in found],
        as_json=as_json,
        empty="no event was set aside",
    )


@app.command()
def replay(
    event_id: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Of events; all where left out.")
    ] = None,
    sink: OfSink = None,
) -> None:
    """Send again what was set aside; exit code 1 where something is not taken."""
    from qbank.relay import replay

    ids = [_uuid(text) for text in event_id or ()]
    short = False
    for each in _sinks(sink):
        with _connection() as connection:
            taken, delivery = replay(connection, each, ids)
        each.close()
        print(f"{each.name:<8} {taken} taken", flush=True)
        for refused in delivery.refused:
            print(f"{each.name:<8} {refused.event.id} refused: {refused.reason}")
        if delivery.left:
            print(f"{each.name:<8} {len(delivery.left)} not sent: {delivery.reason}")
        short = short or bool(delivery.refused or delivery.left)
    if short:
        raise typer.Exit(1)


@app.command()
def forget(
    sink: Annotated[str, typer.Argument(metavar="SINK", help="One that is not set up any more.")],
) -> None:
    """Forget how far a sink was, and what it would not take; nobody waits for it then."""
    from qbank.postgres import connect
    from qbank.relay import RelaySettings, forget

    if sink in RelaySettings.load().names:
        raise SettingsError(f"{sink} is set up: take its settings away first, then forget it")
    with connect("owner") as connection:
        if not forget(connection, sink):
            raise QbankError(f"nothing is known of a sink {sink!r}: qbank relay status lists them")
    print(f"{sink} is forgotten")


def _sinks(name: str | None = None) -> list[Sink]:
    from qbank.relay import RelaySettings, configured_sinks

    settings = RelaySettings.load()
    names = settings.named()
    if name not in (None, *names):
        raise SettingsError(f"sink {name!r} is not set up: use {', '.join(names)}")
    return [sink for sink in configured_sinks(settings) if name in (None, sink.name)]


def _connection() -> Connection:
    from qbank.postgres import connect

    return connect("orchestration", autocommit=True)


def _uuid(text: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError as error:
        raise QbankError(
            f"{text!r} is no event's id: qbank relay dead-letters lists them"
        ) from error
