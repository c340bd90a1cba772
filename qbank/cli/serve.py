"""``qbank serve``: everything that runs, together.

What never lives here: keeping processes (``qbank.serving``).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.errors import QbankError

if TYPE_CHECKING:
    from qbank.serving import Service
    from qbank.settings import Settings

Port = Annotated[int | None, typer.Option(min=1, max=65535)]


def serve(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="dagit, daemon, api, console or relay; repeatable."),
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Write down what happens, and relay it.")
    ] = False,
    dagit_port: Port = None,
    api_port: Port = None,
    console_port: Port = None,
) -> None:
    """Start Dagit and its daemon, the delivery API and the console; Ctrl-C stops all."""
    from qbank import migrations
    from qbank.postgres import embedded
    from qbank.postgres.folders import make_home
    from qbank.serving import Supervisor, available_services, missing_services, withdraw_daemon
    from qbank.settings import get_settings

    settings = get_settings()
    make_home(settings)

    def keep_database() -> None:
        if settings.embedded and not embedded.is_running(settings):
            embedded.ensure_running(settings)

    with _alone(settings):
        _check_settings(only, events=events)
        migrations.migrate(settings)
        ports = {"dagit": dagit_port, "api": api_port, "console": console_port}
        services = available_services(settings, only=tuple(only or ()), ports=ports, events=events)
        print(f"starting {', '.join(service.title for service in services)}", flush=True)
        for name, remedy in ({} if only else missing_services()).items():
            print(f"without the {name}: {remedy}", flush=True)
        supervisor = Supervisor(
            services,
            settings.home / "logs",
            cwd=settings.project_dir,
            say=lambda text: print(text, flush=True),
            every_second=keep_database,
        )
        try:
            supervisor.run(on_ready=lambda: _announce(services, settings))
        finally:
            if any(service.name == "daemon" for service in services):
                withdraw_daemon(settings)
        print("stopped")


def _check_settings(only: Sequence[str] | None, *, events: bool) -> None:
    """Reads what the services will read: one that cannot load its code would only log it."""
    from qbank.alerts.settings import AlertSettings
    from qbank.relay.settings import RelaySettings
    from qbank.retention.settings import RetentionSettings

    AlertSettings.load()
    RetentionSettings.load()
    if events or "relay" in (only or ()):
        RelaySettings.load().named()  # or nobody would read along
    for entry in entry_points(group="qbank.settings"):
        if not only or entry.name in only:
            entry.load().load()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with (settings.home / "run" / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise QbankError(
                f"qbank serve runs already for {settings.home}: stop that one first"
            ) from error
        yield


def _announce(services: list[Service], settings: Settings) -> None:
    for service in services:
        print(f"  {service.title:<15} {service.address or 'running'}")
    print(f"logs in {settings.home / 'logs'}; Ctrl-C stops all", flush=True)
