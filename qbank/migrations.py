"""The schema's migrations (``sql/``), run by yoyo inside a Postgres advisory lock.

Also gives the least-privilege roles their passwords and makes Dagster's database, for without
those a migrated schema cannot be used. What never lives here: SQL of the schema itself.
"""

from __future__ import annotations

import getpass
import logging
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.exceptions import BadMigration

from qbank.errors import DatabaseUnavailableError, MigrationError
from qbank.postgres import (
    LEAST_PRIVILEGE,
    Connection,
    Role,
    connect,
    dagster_database,
    dsn,
    user_name,
)
from qbank.postgres.roles import password
from qbank.settings import Settings, get_settings

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


class _AtomicBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """Applies a migration and notes it in one transaction.

    yoyo notes it in a second one: a kill between the two would apply a migration twice.
    """

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:
        self.ensure_internal_schema_updated()
        with self.transaction():
            migration.process_steps(self, "apply", force=force)
            if mark:
                self.mark_one(migration)

    def rollback_one(self, migration: Any, force: bool = False) -> None:
        self.ensure_internal_schema_updated()
        with self.transaction():
            migration.process_steps(self, "rollback", force=force)
            self.unmark_one(migration)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo asks for the fully qualified host name, which may wait seconds for a name server
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": _system_user(),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def migrate(settings: Settings | None = None) -> list[str]:
    """Brings the schema up to date, makes what is missing around it; returns what was applied.

    Safe when several processes do so at once, and when one of them is killed: each migration is
    one transaction, and the lock dies with its connection.

    Raises:
        DatabaseUnavailableError: the server does not answer.
        MigrationError: a migration failed; those before it stay applied.
    """
    settings = settings or get_settings()
    _ensure_database(settings)
    with _locked(settings) as connection:
        applied = _run(settings, lambda backend, known: backend.to_apply(known), "apply_one")
        _let_roles_in(connection, settings)
        _ensure_dagster_database(connection, settings)
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
    names = [migration.id for migration in _files(settings)]
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
    names = [migration.id for migration in _files(settings)]
    try:
        with connect("owner", settings=settings) as connection:
            known = connection.execute("SELECT to_regclass('public._yoyo_migration')").fetchone()
            rows = (
                connection.execute("SELECT migration_id FROM public._yoyo_migration").fetchall()
                if known and known[0]
                else []
            )
    except DatabaseUnavailableError as error:
        if not _is_missing_database(error):
            raise
        rows = []
    applied = {row[0] for row in rows}
    return [MigrationState(name, name in applied) for name in names]


def migrations_folder(settings: Settings) -> Path:
    """The folder of the SQL files: that of the project, else the one packed with the wheel.

    Raises:
        MigrationError: there is neither.
    """
    packed = Path(__file__).parent / "sql"
    for folder in (settings.project_dir / "sql", packed):
        if any(folder.glob("[0-9]*.sql")):
            return folder
    raise MigrationError(
        f"no migrations in {settings.project_dir / 'sql'}: set QBANK_PROJECT_DIR to the checkout"
    )


def _files(settings: Settings) -> Any:
    return read_migrations(str(migrations_folder(settings)))


def _run(settings: Settings, choose: Callable[[Any, Any], Any], action: str) -> list[str]:
    done: list[str] = []
    url = dsn("owner", settings).replace("postgresql://", "postgresql+psycopg://", 1)
    with _AtomicBackend(parse_uri(url), "_yoyo_migration") as backend:
        backend.init_database()
        # our lock is held: a row in yoyo's own lock table can only be that of a dead process
        backend.break_lock()
        for migration in choose(backend, _files(settings)):
            try:
                getattr(backend, action)(migration)
            except (psycopg.Error, BadMigration) as error:
                reason = " ".join(str(error).split())
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


def _ensure_database(settings: Settings) -> None:
    if not settings.embedded:
        return
    try:
        connect("owner", settings=settings).close()
    except DatabaseUnavailableError as error:
        if not _is_missing_database(error):
            raise
        with connect("owner", settings=settings, database="postgres", autocommit=True) as server:
            _create_database(server, settings.database, None)


def _is_missing_database(error: DatabaseUnavailableError) -> bool:
    return "does not exist" in str(error) and "database" in str(error)


def _create_database(connection: Connection, name: str, owner: str | None) -> None:
    query = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if owner is not None:
        query += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
    try:
        connection.execute(query)
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # another process was quicker
    closed = sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC")
    connection.execute(closed.format(sql.Identifier(name)))


def _ensure_dagster_database(connection: Connection, settings: Settings) -> None:
    name = dagster_database(settings)
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    try:
        _create_database(connection, name, user_name("orchestration"))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"the owner may not create the database {name!r} that Dagster needs: grant CREATEDB, "
            f"or create it, owned by {user_name('orchestration')}"
        ) from error


def _let_roles_in(connection: Connection, settings: Settings) -> None:
    """Gives each role its login and password, unless it can log in with that already."""
    row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None  # noqa: S101
    for role in LEAST_PRIVILEGE:
        if not connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s", [user_name(role)]
        ).fetchone():
            continue  # the roles' migration has been taken back
        grant = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
        connection.execute(grant.format(sql.Identifier(row[0]), sql.Identifier(user_name(role))))
        if not _can_log_in(role, settings):
            login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
            secret = sql.Literal(_scram(connection, role, settings))
            connection.execute(login.format(sql.Identifier(user_name(role)), secret))


def _scram(connection: Connection, role: Role, settings: Settings) -> str:
    """The verifier of the password: the password itself never reaches the server or its log."""
    verifier = connection.pgconn.encrypt_password(
        password(role, settings).encode(), user_name(role).encode(), b"scram-sha-256"
    )
    return verifier.decode()


def _can_log_in(role: Role, settings: Settings) -> bool:
    try:
        connect(role, settings=settings, timeout_s=0).close()
    except DatabaseUnavailableError:
        return False
    return True


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a bare number
        return "unknown"
