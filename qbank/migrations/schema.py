"""Up, down and status, run by yoyo inside a Postgres advisory lock.

What never lives here: databases and roles (``bootstrap``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from yoyo import read_migrations
from yoyo.connections import parse_uri
from yoyo.exceptions import BadMigration

from qbank.errors import DatabaseUnavailableError, MigrationError
from qbank.migrations.backend import AtomicBackend
from qbank.migrations.bootstrap import (
    ensure_dagster_database,
    ensure_database,
    is_missing_database,
    let_roles_in,
)
from qbank.postgres import Connection, connect, dsn
from qbank.project_files import migrations_folder
from qbank.settings import Settings, get_settings
from qbank.wording import one_line

_LOCK = 0x71_62_61_6E_6B  # "qbank"
_LOCK_WAIT = "60s"

logging.getLogger("yoyo").setLevel(logging.WARNING)


@dataclass(frozen=True)
class MigrationState:
    """One migration and whether it is applied.

    Attributes:
        name: file name without ending, such as ``0001_content``.
        applied: whether the schema has it.
    """

    name: str
    applied: bool


def migrate(settings: Settings | None = None) -> list[str]:
    """Brings the schema up to date, makes what is missing around it; returns what was applied.

    Safe when several processes do so at once, and when one of them is killed: each migration is
    one transaction, and the lock dies with its connection.

    Raises:
        DatabaseUnavailableError: the server does not answer.
        MigrationError: a migration failed; those before it stay applied.
    """
    settings = settings or get_settings()
    ensure_database(settings)
    with _locked(settings) as connection:
        applied = _run(settings, lambda backend, known: backend.to_apply(known), "apply_one")
        let_roles_in(connection, settings)
        ensure_dagster_database(connection, settings)
    return applied


def rollback(to: str | None, settings: Settings | None = None) -> list[str]:
    """Takes back the migrations after `to` (all of them where None), newest first.

    Args:
        to: the migration to keep as the last one, by name or number (``0003``).
        settings: those of the process where None.

    Raises:
        MigrationError: `to` is unknown, or a migration cannot be taken back.
    """
    settings = settings or get_settings()
    names = [migration.id for migration in _files()]
    if to is not None:
        matches = [name for name in names if name == to or name.split("_")[0] == to]
        if not matches:
            raise MigrationError(f"migration {to!r} is unknown: use one of {', '.join(names)}")
        to = matches[0]
    doomed = set(names if to is None else names[names.index(to) + 1 :])

    def chosen(backend: Any, known: Any) -> list[Any]:
        return [m for m in backend.to_rollback(known) if m.id in doomed]

    with _locked(settings):
        return _run(settings, chosen, "rollback_one")


def status(settings: Settings | None = None) -> list[MigrationState]:
    """All migrations in order, and whether each is applied; changes nothing.

    Raises:
        DatabaseUnavailableError: the server does not answer.
    """
    settings = settings or get_settings()
    names = [migration.id for migration in _files()]
    try:
        with connect("owner", settings=settings) as connection:
            known = connection.execute("SELECT to_regclass('public._yoyo_migration')").fetchone()
            rows = (
                connection.execute("SELECT migration_id FROM public._yoyo_migration").fetchall()
                if known and known[0]
                else []
            )
    except DatabaseUnavailableError as error:
        if not is_missing_database(error):
            raise
        rows = []
    applied = {row[0] for row in rows}
    return [MigrationState(name, name in applied) for name in names]


def _files() -> Any:
    return read_migrations(str(migrations_folder()))


def _run(settings: Settings, choose: Callable[[Any, Any], Any], action: str) -> list[str]:
    done: list[str] = []
    url = dsn("owner", settings).replace("postgresql://", "postgresql+psycopg://", 1)
    with AtomicBackend(parse_uri(url), "_yoyo_migration") as backend:
        backend.init_database()
        # our lock is held: a row in yoyo's own lock table can only be that of a dead process
        backend.break_lock()
        for migration in choose(backend, _files()):
            try:
                getattr(backend, action)(migration)
            except (psycopg.Error, BadMigration) as error:
                reason = one_line(error)
                raise MigrationError(f"{migration.id} failed: {reason}") from error
            done.append(migration.id)
    return done


@contextmanager
def _locked(settings: Settings) -> Iterator[Connection]:
    with connect("owner", settings=settings, autocommit=True) as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_WAIT])
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationError(
                f"another process has been migrating for more than {_LOCK_WAIT}: wait for it"
            ) from error
        yield connection
