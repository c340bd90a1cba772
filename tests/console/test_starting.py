"""The command line that Streamlit is started with."""

from __future__ import annotations

import pytest

from qbank.errors import SettingsError
from qbank_console.__main__ import arguments
from qbank_console.settings import ConsoleSettings


def test_on_loopback_only_its_names_are_answered() -> None:
    flags = arguments(ConsoleSettings.load())
    assert "--server.address=127.0.0.1" in flags
    assert [flag for flag in flags if "allowedHosts" in flag] == [
        "--server.allowedHosts=127.0.0.1",
        "--server.allowedHosts=localhost",
        "--server.allowedHosts=::1",
    ]


def test_elsewhere_the_names_that_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QBANK_CONSOLE_HOST", "0.0.0.0")  # noqa: S104
    assert not any("allowedHosts" in flag for flag in arguments(ConsoleSettings.load()))
    monkeypatch.setenv("QBANK_CONSOLE_ALLOWED_HOSTS", "exams.example.org, b.example.org")
    flags = arguments(ConsoleSettings.load())
    assert flags[-2:] == [
        "--server.allowedHosts=exams.example.org",
        "--server.allowedHosts=b.example.org",
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("QBANK_API_URL", "localhost:8000"), ("QBANK_CONSOLE_PORT", "70000")]
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        ConsoleSettings.load()
