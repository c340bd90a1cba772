"""A wrong setting is named, with its value and the remedy; a secret's value is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbank.errors import SettingsError
from qbank.settings import Settings, SettingsGroup, get_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for name in ("QBANK_HOME", "QBANK_ENV", "QBANK_POSTGRES_FSYNC"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("QBANK_PROJECT_DIR", str(tmp_path))
    return tmp_path


def test_defaults_work_on_one_machine(bare):
    settings = get_settings()
    assert settings.embedded
    assert settings.home == bare / ".qbank"
    assert settings.env == "dev"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("QBANK_ENV", "staging", "QBANK_ENV is 'staging': Input should be 'dev', 'test' or 'prod'"),
        ("QBANK_DATABASE", "a; drop", "QBANK_DATABASE is 'a; drop': use lower-case letters"),
        (
            "QBANK_NIGHTLY_TIMEZONE",
            "Mars/X",
            "QBANK_NIGHTLY_TIMEZONE is 'Mars/X': use an IANA name",
        ),
        ("QBANK_NIGHTLY_CRON", "daily", "QBANK_NIGHTLY_CRON is 'daily': write five cron fields"),
        ("QBANK_NIGHTLY_CRON", "61 * * * *", "QBANK_NIGHTLY_CRON is '61 .*that have a next time"),
        ("QBANK_MAX_DAILY_EXPOSURES", "0", "QBANK_MAX_DAILY_EXPOSURES is '0': .*greater than"),
        ("QBANK_POSTGRES_PORT", "http", "QBANK_POSTGRES_PORT is 'http': .*integer"),
        ("QBANK_DATABASE_TIMEOUT_S", "-1", "QBANK_DATABASE_TIMEOUT_S is '-1'"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        get_settings()


def test_a_wrong_address_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("QBANK_DATABASE_URL", "mysql://me:hush@host/db")
    with pytest.raises(SettingsError, match=r"QBANK_DATABASE_URL: write postgresql://") as refusal:
        get_settings()
    assert "hush" not in str(refusal.value)


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("QBANK_DATABASE_URL", "postgresql://me:hush@host/db")
    monkeypatch.setenv("QBANK_ANALYST_PASSWORD", "hush")
    assert "hush" not in repr(get_settings())
    assert "hush" not in str(get_settings().model_dump())


def test_the_environment_wins_over_the_file_and_empty_means_unset(monkeypatch, bare):
    (bare / ".env").write_text("QBANK_MAX_DAILY_EXPOSURES=7\nQBANK_DATABASE=from_file\n")
    monkeypatch.setenv("QBANK_DATABASE", "from_env")
    monkeypatch.setenv("QBANK_DATABASE_URL", "")
    settings = Settings.load()
    assert (settings.max_daily_exposures, settings.database) == (7, "from_env")
    assert settings.embedded


def test_a_change_of_the_environment_is_seen(monkeypatch):
    assert get_settings().max_daily_exposures == 500
    monkeypatch.setenv("QBANK_MAX_DAILY_EXPOSURES", "9")
    assert get_settings().max_daily_exposures == 9


def test_home_may_lie_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("QBANK_HOME", str(tmp_path / "elsewhere"))
    assert get_settings().home == Path(tmp_path / "elsewhere")


def test_a_group_of_another_room_names_its_variable_too(monkeypatch):
    class Room(SettingsGroup):
        room_size: int = 1

    monkeypatch.setenv("QBANK_ROOM_SIZE", "big")
    with pytest.raises(SettingsError, match="QBANK_ROOM_SIZE is 'big'"):
        Room.load()
