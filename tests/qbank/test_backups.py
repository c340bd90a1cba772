"""Backups of a real server: whole or not at all, and the ways in which a restore refuses."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import SecretStr

from qbank import backups
from qbank.backups import restoring
from qbank.backups.archive import MAIN, MANIFEST, measured
from qbank.errors import BackupError
from qbank.postgres import connect, libpq_environment
from qbank.settings import get_settings
from tests.qbank.servers import wait_until


@pytest.fixture
def flagged(settings):
    """A migrated database with one row."""
    with connect() as connection:
        connection.execute("INSERT INTO feature_flags (key) VALUES ('kept')")
    return settings


@pytest.fixture
def taken(flagged, tmp_path):
    """A backup of it."""
    backups.backup(tmp_path / "taken")
    return tmp_path / "taken"


def flags():
    with connect() as connection:
        return connection.execute("SELECT key FROM feature_flags ORDER BY key").fetchall()


def command(*arguments):
    code = "from qbank.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "db", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_only_its_maker_may_read_a_backup(taken):
    assert stat.S_IMODE(taken.stat().st_mode) == 0o700
    files = sorted(taken.iterdir())
    assert [file.name for file in files] == ["backup.json", "dagster.dump", "qbank.dump"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_backup_does_not_write_over_another(taken):
    with pytest.raises(BackupError, match="exists already: choose a new name"):
        backups.backup(taken)


def test_of_backups_one_after_another_the_newest_stay(flagged, tmp_path):
    day = datetime(2026, 1, 30, 1, tzinfo=UTC)
    other = tmp_path / "by-hand"
    other.mkdir()
    half = tmp_path / "2026-01-01T010000Z"  # of somebody else: it has no manifest
    half.mkdir()
    for number in range(3):
        place, made, removed = backups.backup_anew(tmp_path, 2, now=day + timedelta(number))
        assert made == backups.read(place)
    assert removed == (tmp_path / "2026-01-30T010000Z",)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        half.name, "2026-01-31T010000Z", "2026-02-01T010000Z", "by-hand",
    ]  # fmt: skip
    process = command("backup", tmp_path, "--keep", 1)
    said, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert said.splitlines()[1:] == [
        f"removed {tmp_path}/2026-01-31T010000Z", f"removed {tmp_path}/2026-02-01T010000Z",
    ]  # fmt: skip
    (newest,) = [p for p in tmp_path.glob("20*") if p != half]
    with connect() as connection:
        connection.execute("DELETE FROM feature_flags")
    backups.restore(newest, replace=True)
    assert flags() == [("kept",)]


def test_a_volume_that_is_not_there_is_no_place_for_backups(flagged, tmp_path):
    with pytest.raises(BackupError, match="is no folder: with --keep, backups are made within it"):
        backups.backup_anew(tmp_path / "gone", 3)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_backup_leaves_nothing_under_its_name(flagged, tmp_path, ending):
    partial = tmp_path / ".taken.partial"
    with connect() as connection:
        connection.execute("LOCK TABLE feature_flags IN ACCESS EXCLUSIVE MODE")
        process = command("backup", tmp_path / "taken")
        wait_until(lambda: (partial / MAIN).exists())
        time.sleep(0.2)  # pg_dump starts, and waits for the table
        process.send_signal(ending)
        process.communicate()
        assert not (tmp_path / "taken").exists()
        assert partial.exists() == (ending == signal.SIGKILL)
    backups.backup(tmp_path / "taken")
    assert not partial.exists()


def test_a_database_that_holds_rows_is_replaced_only_when_told(flagged, taken):
    with connect() as connection:
        connection.execute("INSERT INTO feature_flags (key) VALUES ('later')")
    with pytest.raises(BackupError, match=r"feature_flags has rows.*--replace"):
        backups.restore(taken)
    assert flags() == [("kept",), ("later",)]
    process = command("restore", taken, "--replace")
    said, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert said.startswith(f"restored {taken}, of ")
    assert flags() == [("kept",)]


@pytest.mark.parametrize("damage", ["cut off", "changed", "missing"])
def test_a_damaged_backup_is_refused(taken, damage):
    dump = taken / MAIN
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        dump.unlink()
    else:
        dump.write_bytes(bytes(content) if damage == "changed" else content[:-10])
    with pytest.raises(BackupError, match="is not the file that was backed up"):
        backups.restore(taken, replace=True)


def test_a_restore_that_fails_leaves_what_was_there(taken):
    # a dump that its manifest agrees with and that ends in the midst of a table's rows
    dump = taken / MAIN
    dump.write_bytes(dump.read_bytes()[:-4000])
    made = backups.read.__globals__["Backup"].model_validate_json((taken / MANIFEST).read_bytes())
    files = dict(made.files) | {MAIN: measured(dump)}
    (taken / MANIFEST).write_text(made.model_copy(update={"files": files}).model_dump_json())
    with pytest.raises(BackupError, match="was not restored: pg_restore failed"):
        backups.restore(taken, replace=True)
    assert flags() == [("kept",)]


def test_a_database_in_use_is_not_waited_for_for_ever(taken, monkeypatch):
    monkeypatch.setattr(restoring, "LOCK_WAIT", "300ms")
    with connect() as connection:
        connection.execute("SELECT 1 FROM feature_flags")
        with pytest.raises(BackupError, match="in use: stop qbank serve"):
            backups.restore(taken, replace=True)
    assert flags() == [("kept",)]


def test_a_folder_that_is_no_backup_is_named(flagged, tmp_path):
    with pytest.raises(BackupError, match=r"is no backup .* that `qbank db backup` made"):
        backups.restore(tmp_path)


def test_a_backup_of_a_newer_release_is_refused(taken):
    text = (taken / MANIFEST).read_text()
    (taken / MANIFEST).write_text(text.replace("0001_content", "9999_future"))
    with pytest.raises(BackupError, match=r"newer release .*9999_future"):
        backups.restore(taken, replace=True)


def test_an_owner_of_another_name_without_powers_may_restore(taken, home, monkeypatch):
    """Onto a server of one's own, whose owner is not called as the embedded server's is."""
    server = get_settings().model_copy(update={"home": home, "database": "postgres"})
    with connect(settings=server, autocommit=True) as admin:
        admin.execute("CREATE ROLE exams LOGIN CREATEROLE CREATEDB PASSWORD 'secret-word'")
        admin.execute("CREATE DATABASE exams OWNER exams")
        admin.execute("CREATE ROLE administrator LOGIN SUPERUSER PASSWORD 'secret-word'")
    where = libpq_environment("owner", server)
    address = f"{where['PGHOST']}:{where['PGPORT']}"
    # the embedded server has the role of that name; a server of one's own has none
    with psycopg.connect(f"postgresql://administrator:secret-word@{address}/exams") as admin:
        admin.execute("ALTER ROLE qbank RENAME TO nobody_of_that_name")
    own = get_settings().model_copy(
        update={
            "home": home.parent / "own",
            "database_url": SecretStr(f"postgresql://exams:secret-word@{address}/exams"),
        }
    )
    backups.restore(taken, own)
    with connect("delivery", settings=own) as connection:
        assert connection.execute("SELECT key FROM feature_flags").fetchall() == [("kept",)]
    with connect(settings=own) as connection:
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class AS c"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        ).fetchall()
        assert owners == [("exams",)]
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'qbank'").fetchall() == []
        schema = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'analytics'"
        assert connection.execute(schema).fetchall() == [("qbank_orchestration",)]
