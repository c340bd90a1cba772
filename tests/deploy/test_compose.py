"""docker-compose.yml: as its specification has it, with checks and limits for whatever keeps on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from qbank.sinking import ClickHouseSettings
from tests.deploy.compose import COMPOSE, environment, filled, service, services
from tests.e2e.processes import tool

KEEP_ON = [name for name, found in services().items() if found.get("restart") != "no"]


def _validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_as_the_specification_has_it(tmp_path: Path) -> None:
    done = _validate(COMPOSE)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("mem_limit: 2g", "mem_limits: 2g"))
    assert "'mem_limits' was unexpected" in _validate(wrong).stdout


def test_there_are_services_that_keep_on() -> None:
    expected = "postgres dagit daemon api console relay kafka sink clickhouse"
    assert " ".join(KEEP_ON) == expected


def test_events_are_for_those_who_ask_for_them() -> None:
    asked = {name: found["profiles"] for name, found in services().items() if "profiles" in found}
    assert asked == {
        "relay": ["events"], "kafka": ["events"],
        "sink": ["clickhouse"], "clickhouse": ["clickhouse"],
    }  # fmt: skip
    address = service("kafka")["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for name in ("relay", "sink"):
        brokers = service(name)["environment"]["QBANK_RELAY_KAFKA_SERVERS"]
        assert usual(brokers) == address.partition("://")[2]


def test_the_sink_writes_to_the_database_that_is_made() -> None:
    sink, server = service("sink")["environment"], service("clickhouse")["environment"]
    of = urlsplit(usual(sink["QBANK_CLICKHOUSE_URL"]))
    assert (of.hostname, of.port) == ("clickhouse", 8123)
    assert (of.username, of.path) == (server["CLICKHOUSE_USER"], f"/{server['CLICKHOUSE_DB']}")
    assert sink["QBANK_CLICKHOUSE_PASSWORD"] == server["CLICKHOUSE_PASSWORD"]
    ClickHouseSettings(clickhouse_url=SecretStr(of.geturl()))


def usual(variable: str) -> str:
    """What a variable is where `.env` says nothing."""
    return variable.removesuffix("}").partition(":-")[2]


@pytest.mark.parametrize("name", KEEP_ON)
def test_whatever_keeps_on_is_checked_and_limited(name: str) -> None:
    found = service(name)
    assert found["healthcheck"]["test"][0] == "CMD"
    assert found["mem_limit"]
    assert found["pids_limit"]
    assert found["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["migrate", "dagit", "daemon", "api", "console", "relay", "sink"])
def test_ours_have_a_reaper_and_no_privileges(name: str) -> None:
    found = service(name)
    assert found["init"] is True
    assert found["cap_drop"] == ["ALL"]


def test_the_order_of_start() -> None:
    def after(name: str) -> dict[str, Any]:
        return {of: how["condition"] for of, how in service(name)["depends_on"].items()}

    migrated = {"migrate": "service_completed_successfully"}
    assert after("migrate") == {"postgres": "service_healthy"}
    assert after("dagit") == after("daemon") == after("api") == migrated
    assert after("relay") == after("sink") == migrated
    assert after("console") == migrated | {"api": "service_healthy"}


def test_dagit_sees_the_output_of_the_daemon_s_runs() -> None:
    (shared,) = service("daemon")["volumes"]
    assert service("dagit")["volumes"] == [shared]
    # the home that `qbank dagster` makes in the image
    home = (COMPOSE.parent / "deploy" / "Dockerfile").read_text()
    volume, folder = shared.split(":")
    assert f"DAGSTER_HOME={folder}" in home
    assert f"QBANK_HOME={folder.removesuffix('/dagster')}" in home
    assert volume == "dagster"


@pytest.mark.parametrize("file", ["", "/etc/exams/issuers.json"])
def test_the_api_finds_the_file_of_issuers_that_env_names(file: str) -> None:
    secret = dict.fromkeys(
        ("QBANK_DELIVERY_PASSWORD", "QBANK_ORCHESTRATION_PASSWORD", "QBANK_ANALYST_PASSWORD"), "p"
    )
    variables = secret | {"QBANK_ISSUERS_FILE": file}
    (volume,) = service("api")["volumes"]
    host, inside, mode = filled(volume, variables).split(":")
    # where none is named, nothing stands in the way and nothing is read
    assert (host, mode) == (file or "/dev/null", "ro")
    assert environment("api", variables)["QBANK_ISSUERS_FILE"] == (inside if file else "")


def test_only_the_migration_has_the_owner_s_password() -> None:
    having = [n for n, f in services().items() if "QBANK_DATABASE_PASSWORD" in f["environment"]]
    assert having == ["migrate"]
    for found in services().values():
        assert "PASSWORD" not in found["environment"].get("QBANK_DATABASE_URL", "")
