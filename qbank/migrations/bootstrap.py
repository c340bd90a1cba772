"""What a migrated schema needs around it: databases, and roles that can log in.

What never lives here: tables and grants on them (``sql/``).
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from qbank.errors import DatabaseUnavailableError, MigrationError
from qbank.postgres import (
    LEAST_PRIVILEGE,
    Connection,
    Role,
    connect,
    dagster_database,
    user_name,
)
from qbank.postgres.roles import password
from qbank.settings import Settings


def ensure_database(settings: Settings) -> None:
    """Makes the embedded server's database; a server of one's own has it already."""
    if not settings.embedded:
        return
    try:
        connect("owner", settings=settings).close()
    except DatabaseUnavailableError as error:
        if not is_missing_database(error):
            raise
        with connect("owner", settings=settings, database="postgres", autocommit=True) as server:
            _create_database(server, settings.database, None)


def is_missing_database(error: DatabaseUnavailableError) -> bool:
    """Whether the server answered that there is no such database."""
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


def ensure_dagster_database(connection: Connection, settings: Settings) -> None:
    """Makes the database of Dagster's storage, owned by orchestration.

    Raises:
        MigrationError: the owner may not create databases.
    """
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


def let_roles_in(connection: Connection, settings: Settings) -> None:
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
