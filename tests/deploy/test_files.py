"""The deployment files against the code: commands exist, variables are read, limits agree.

Building the images needs a Docker engine, which the tests do not ask for.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from qbank.settings import SettingsGroup

ROOT = Path(__file__).parents[2]


def _compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def settings_variables() -> set[str]:
    """The variables of all settings."""
    for module in (
        "qbank.settings",
        "qbank.alerts.settings",
        "qbank.relay.settings",
        "qbank.retention.settings",
        "qbank.sinking.settings",
        "qbank_orchestration.settings",
        "delivery_api.settings",
        "qbank_console.settings",
        "qbank_metabase.settings",
    ):
        importlib.import_module(module)

    def groups(of: type[SettingsGroup]) -> list[type[SettingsGroup]]:
        return [of, *(found for sub in of.__subclasses__() for found in groups(sub))]

    return {
        f"{group.model_config['env_prefix']}{name}".upper()
        for group in groups(SettingsGroup)
        for name in group.model_fields
    }


def test_every_variable_of_env_example_is_a_setting() -> None:
    written = set(re.findall(r"^# (QBANK_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert len(written) > 10
    assert written <= settings_variables()


def test_every_variable_of_compose_is_read() -> None:
    used = {
        name
        for service in _compose()["services"].values()
        for name in service.get("environment", {})
        if name.startswith("QBANK_")
    }
    assert "QBANK_DATABASE_URL" in used
    assert used <= settings_variables()


def test_the_daemon_of_compose_takes_every_setting_of_alerts() -> None:
    daemon = _compose()["services"]["daemon"]["environment"]
    named = {name for name in daemon if name.startswith("QBANK_ALERT_")}
    assert named == {name for name in settings_variables() if name.startswith("QBANK_ALERT_")}
    assert all(daemon[name] == f"${{{name}:-}}" for name in named)


def test_compose_asks_for_every_secret_and_holds_none() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line or "SECRET" in line:
            assert "${" in line, line
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r"\$\{(\w+):\?", text):
        assert name in example, f"{name} is required and .env.example does not name it"


@pytest.mark.parametrize("name", ["migrate", "dagit", "daemon", "api", "console"])
def test_compose_commands_exist(name: str) -> None:
    program, *arguments = _compose()["services"][name]["command"]
    if program == "python":
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(f"{arguments[1]}.__main__")
    else:
        assert (Path(sys.executable).parent / program).exists()
        if arguments[0] == "dagster":
            assert (Path(sys.executable).parent / f"dagster-{arguments[1]}").exists()
    for argument in arguments:
        if argument.endswith(".yaml"):
            assert (ROOT / argument).exists()


def test_published_ports_are_on_loopback() -> None:
    ports = [p for s in _compose()["services"].values() for p in s.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_dockerfile_pins_the_uv_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    version = re.search(r"UV_VERSION := (\S+)", makefile)
    assert version
    assert f"uv=={version[1]}" in (ROOT / "deploy/Dockerfile").read_text()
