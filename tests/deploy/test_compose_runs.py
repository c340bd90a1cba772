"""The services of docker-compose.yml without its containers: same commands, variables, checks.

With passwords that no address could hold as they are.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from psycopg import sql

from qbank.postgres import connect, embedded
from tests.deploy.compose import environment, service
from tests.e2e.processes import PROJECT, free_port, process, tool
from tests.qbank.relay.broker import serving
from tests.qbank.servers import settings_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NASTY = "p@ss:/w#rd %41?&=+'\"\\$ö;,"
VARIABLES = {
    "POSTGRES_PASSWORD": f"owner {NASTY}",
    "QBANK_DELIVERY_PASSWORD": f"d{NASTY}",
    "QBANK_ORCHESTRATION_PASSWORD": f"{NASTY}o",
    "QBANK_ANALYST_PASSWORD": NASTY,
    "QBANK_JWT_SECRET": secrets.token_urlsafe(48),
    "QBANK_SELECTION_SECRET": secrets.token_urlsafe(48),
}


@dataclass
class Host:
    """One host without containers: each service has its port on loopback.

    Attributes:
        home: what a container has in /var/lib/qbank.
        postgres: where the server listens.
        brokers: addresses of Kafka.
        ports: those of the compose file, and ours.
    """

    home: Path
    postgres: int
    brokers: str
    ports: dict[str, str] = field(
        default_factory=lambda: {port: str(free_port()) for port in ("3000", "8000", "8501")}
    )

    def environment(self, name: str) -> dict[str, str]:
        ours = environment(name, VARIABLES) | {"QBANK_HOME": str(self.home)}
        ours["QBANK_DATABASE_URL"] = ours["QBANK_DATABASE_URL"].replace(
            "qbank@postgres:5432/qbank", f"boss@127.0.0.1:{self.postgres}/bank"
        )
        ours |= {"QBANK_API_PORT": self.ports["8000"], "QBANK_CONSOLE_PORT": self.ports["8501"]}
        if "QBANK_API_URL" in ours:
            ours["QBANK_API_URL"] = f"http://127.0.0.1:{self.ports['8000']}"
        if "QBANK_RELAY_KAFKA_SERVERS" in ours:
            ours["QBANK_RELAY_KAFKA_SERVERS"] = self.brokers
        # containers of one host do not see each other's loopback
        hosts = dict.fromkeys(("QBANK_API_HOST", "QBANK_CONSOLE_HOST"), "127.0.0.1")
        return ours | hosts

    def command(self, written: list[str]) -> list[str]:
        program, *rest = (self._here(word) for word in written)
        return [tool(program), *rest]

    def _here(self, word: str) -> str:
        for port, ours in self.ports.items():
            word = word.replace(port, ours)
        return word.replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    def run(self, name: str, written: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(written),
            env=os.environ | self.environment(name),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A server of its own, whose owner has a nasty password."""
    for name in [name for name in os.environ if name.startswith("QBANK_")]:
        monkeypatch.delenv(name)
    tmp_path.chmod(0o711)
    server = settings_of(tmp_path / "server")
    try:
        port = embedded.ensure_running(server)
        with connect("owner", settings=server, autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                    sql.Literal(VARIABLES["POSTGRES_PASSWORD"])
                )
            )
            conn.execute("CREATE DATABASE bank OWNER boss")
        (tmp_path / "var").mkdir()
        with serving() as (brokers, _process):
            yield Host(tmp_path / "var", port, brokers)
    finally:
        embedded.drop(server, force=True)


def test_every_service_comes_up_well_with_passwords_of_any_letters(host: Host) -> None:
    migrated = host.run("migrate", service("migrate")["command"])
    assert migrated.returncode == 0, migrated.stderr
    with ExitStack() as running:
        names = ("dagit", "daemon", "api", "console", "relay")
        for name in names:
            command = host.command(service(name)["command"])
            log = host.home / f"{name}.log"
            running.enter_context(process(command, host.environment(name), log))
        for name in names:
            _well(host, name)
        # dbt has a way of its own to the database
        asked = host.run("daemon", ["qbank", "dbt", "debug", "--connection"])
        assert asked.returncode == 0, asked.stdout + asked.stderr
        logs = "".join(path.read_text() for path in host.home.glob("*.log"))
    assert NASTY not in logs


def _well(host: Host, name: str) -> None:
    kind, *check = service(name)["healthcheck"]["test"]
    assert kind == "CMD"
    deadline = time.monotonic() + 400
    while (done := host.run(name, check)).returncode != 0:
        log = (host.home / f"{name}.log").read_text()[-3000:]
        assert time.monotonic() < deadline, f"{name}: {done.stdout}{done.stderr}\n{log}"
        time.sleep(1)
