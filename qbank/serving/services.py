"""Which programs there are to run, on which ports, and how one sees that they are ready.

What never lives here: starting and stopping them (``supervisor``).
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from qbank.errors import QbankError
from qbank.programs import program
from qbank.project_files import project_file
from qbank.serving.environment import dagster_environment
from qbank.settings import Settings

HOST = "127.0.0.1"
DEFAULT_PORTS = {"dagit": 3000, "api": 8000, "console": 8501}
NAMES = ("dagit", "daemon", "api", "console", "relay")
# what the extra of that name brings
_EXTRAS = {"console": "streamlit"}


@dataclass(frozen=True)
class Service:
    """A program to keep running.

    Attributes:
        name: short name, also that of its log.
        title: what it is, for people.
        command: program and arguments.
        environment: variables to add.
        address: where people open it; None where there is nothing to open.
        health: URL that answers 200 when it is ready; None uses `ready_line`.
        ready_line: text in its log that says it is ready.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    address: str | None = None
    health: str | None = None
    ready_line: str | None = None


def available_services(
    settings: Settings,
    *,
    only: tuple[str, ...] = (),
    ports: Mapping[str, int | None] | None = None,
    events: bool = False,
) -> list[Service]:
    """The services of this installation.

    Args:
        settings: shared settings.
        only: names to run; all that are installed where empty, the relay with `events` alone.
        ports: chosen ports by name; None or absent takes the default, or the next free one.
        events: write down what happens, and run the relay.

    Raises:
        QbankError: a name is unknown or its program is not installed, or a chosen port is taken.
    """
    for name in only:
        if name not in NAMES:
            raise QbankError(f"service {name!r} is unknown: use {', '.join(NAMES)}")
        if not _installed(name):
            raise QbankError(f"service {name!r} is not installed: {missing_services()[name]}")
    usual = NAMES if events else tuple(name for name in NAMES if name != "relay")
    names = [name for name in (only or usual) if _installed(name)]
    taken: set[int] = set()
    port = {
        name: _port(name, (ports or {}).get(name), taken) for name in DEFAULT_PORTS if name in names
    }
    environment = dagster_environment(settings) | ({"QBANK_EVENTS": "true"} if events else {})
    made = {
        "dagit": lambda: _dagit(environment, port["dagit"]),
        "daemon": lambda: _daemon(environment),
        "api": lambda: _api(environment, port["api"]),
        "console": lambda: _console(environment, port["console"], port.get("api")),
        "relay": lambda: _relay(environment),
    }
    return [made[name]() for name in names]


def missing_services() -> dict[str, str]:
    """The services whose extra is not installed, and how it is."""
    return {name: f"pip install 'qbank[{name}]'" for name in NAMES if not _installed(name)}


def _installed(name: str) -> bool:
    return name not in _EXTRAS or importlib.util.find_spec(_EXTRAS[name]) is not None


def _dagit(environment: Mapping[str, str], port: int) -> Service:
    workspace = str(project_file("workspace.yaml"))
    command = (program("dagster-webserver"), "-h", HOST, "-p", str(port), "-w", workspace)
    address = f"http://{HOST}:{port}"
    health = f"{address}/server_info"
    return Service("dagit", "Dagit", command, environment, address, health)


def _daemon(environment: Mapping[str, str]) -> Service:
    workspace = str(project_file("workspace.yaml"))
    command = (program("dagster-daemon"), "run", "-w", workspace)
    line = "Instance is configured with the following daemons"
    return Service("daemon", "Dagster daemon", command, environment, ready_line=line)


def _api(environment: Mapping[str, str], port: int) -> Service:
    address = f"http://{HOST}:{port}"
    return Service(
        "api",
        "Delivery API",
        (sys.executable, "-m", "delivery_api"),
        {**environment, "QBANK_API_HOST": HOST, "QBANK_API_PORT": str(port)},
        f"{address}/docs",
        f"{address}/health",
    )


def _console(environment: Mapping[str, str], port: int, api_port: int | None) -> Service:
    address = f"http://{HOST}:{port}"
    variables = {**environment, "QBANK_CONSOLE_HOST": HOST, "QBANK_CONSOLE_PORT": str(port)}
    if api_port is not None:
        variables["QBANK_API_URL"] = f"http://{HOST}:{api_port}"
    return Service(
        "console",
        "Console",
        (sys.executable, "-m", "qbank_console"),
        variables,
        address,
        f"{address}/_stcore/health",
    )


def _relay(environment: Mapping[str, str]) -> Service:
    command = (sys.executable, "-c", "from qbank.cli import main; main()", "relay")
    return Service("relay", "Relay", command, environment, ready_line="relaying to")


def _port(name: str, chosen: int | None, taken: set[int]) -> int:
    """The chosen port, else the default, else the next free one; never one given away already."""
    configured = os.environ.get(f"QBANK_{name.upper()}_PORT")
    if chosen is None and configured and configured.isdigit():
        chosen = int(configured)
    if chosen is not None:
        if chosen in taken or not _is_free(chosen):
            raise QbankError(f"port {chosen} for {name} is taken: choose another, or leave it out")
        taken.add(chosen)
        return chosen
    first = DEFAULT_PORTS[name]
    for port in range(first, first + 100):
        if port not in taken and _is_free(port):
            taken.add(port)
            return port
    raise QbankError(f"no free port from {first} on for {name}: choose one with --{name}-port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
