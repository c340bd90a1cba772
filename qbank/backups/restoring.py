"""Restores a backup: each database in one transaction, so that a failure leaves what was there.

What never lives here: making backups (``dumping``), and passwords (``migrations`` gives them).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from psycopg import sql

from qbank import migrations
from qbank.backups import programs
from qbank.backups.archive import DAGSTER, MAIN, Backup, read
from qbank.errors import BackupError, DatabaseUnavailableError
from qbank.migrations.bootstrap import ensure_database, is_missing_database
from qbank.postgres import LEAST_PRIVILEGE, Connection, Role, connect, dagster_database, user_name
from qbank.postgres.installation import program
from qbank.settings import Settings, get_settings

# rows that a database without any work in it has already
_BOOKKEEPING = ("_yoyo_", "yoyo_lock", "alembic_version", "secondary_indexes", "kvs", "instance_")
LOCK_WAIT = "20s"
_OWN_SCHEMAS = """SELECT nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname"""


def restore(folder: Path, settings: Settings | None = None, *, replace: bool = False) -> Backup:
    """Restores both databases, then brings the schema up to date and gives the roles passwords.

    Args:
        folder: a backup.
        settings: those of the process where None; the server may be another one than it was.
        replace: whether what the databases hold may go.

    Raises:
        BackupError: the folder is no whole backup or is of a newer release, the databases hold
            rows and `replace` is not given, they are in use, or the restore failed. What was
            there is there still; after a failure in Dagster's database the first is restored.
        DatabaseUnavailableError: the server does not answer.
    """
    settings = settings or get_settings()
    made = read(folder)
    known = {state.name for state in _known_migrations(settings)}
    if newer := [name for name in made.migrations if name not in known]:
        raise BackupError(
            f"{folder} is of a newer release (it has {', '.join(newer)}): restore it with that"
        )
    storage = dagster_database(settings)
    if not replace:
        for database in (None, storage):
            _refuse_rows(database, settings)
    _restore(folder / MAIN, "owner", None, made, settings)
    # the roles' logins and Dagster's database, which the second dump needs
    migrations.migrate(settings)
    _restore(folder / DAGSTER, "orchestration", storage, made, settings)
    return made


def _known_migrations(settings: Settings) -> list[migrations.MigrationState]:
    ensure_database(settings)
    return migrations.status(settings)


def _refuse_rows(database: str | None, settings: Settings) -> None:
    try:
        with connect("owner", settings=settings, database=database, timeout_s=0) as connection:
            if table := _table_with_rows(connection):
                raise BackupError(
                    f"the database {connection.info.dbname!r} is not empty ({table} has rows): "
                    "restore into an empty one, or say --replace to lose what it holds"
                )
    except DatabaseUnavailableError as error:
        if not is_missing_database(error):
            raise


def _table_with_rows(connection: Connection) -> str | None:
    tables = connection.execute(
        """SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n
             ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           ORDER BY n.nspname DESC, c.relname"""
    ).fetchall()
    for schema, table in tables:
        if table.startswith(_BOOKKEEPING):
            continue
        query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, table))
        if connection.execute(query).fetchone():
            return f"{schema}.{table}"
    return None


def _restore(
    dump: Path, role: Role, database: str | None, made: Backup, settings: Settings
) -> None:
    with connect(role, settings=settings, database=database) as connection:
        before, after = _around(connection, made if role == "owner" else None)
    environment = programs.environment(role, settings, database)
    with subprocess.Popen(  # noqa: S603
        [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as psql:
        assert psql.stdin is not None  # noqa: S101
        complaint: Exception | None = None
        try:
            psql.stdin.write(before.encode())
            psql.stdin.flush()
            programs.run("pg_restore", "--file=-", dump, env=environment, stdout=psql.stdin)
            # only now: a script that was cut off is never committed
            psql.stdin.write(after.encode())
            psql.stdin.flush()
        except (BackupError, BrokenPipeError) as error:
            complaint = error
        _, said = psql.communicate()
    if psql.returncode != 0:
        raise BackupError(f"{dump} was not restored: {programs.last_words(said)}{_remedy(said)}")
    if complaint is not None:
        raise BackupError(f"{dump} was not restored: {complaint}") from complaint


def _remedy(said: bytes) -> str:
    in_use = b"lock timeout" in said
    return " (the database is in use: stop qbank serve and whatever else uses it)" if in_use else ""


def _around(connection: Connection, made: Backup | None) -> tuple[str, str]:
    """SQL before and after a dump's own: an empty database with its roles, and the commit."""
    before = [
        "BEGIN",
        f"SET LOCAL lock_timeout = '{LOCK_WAIT}'",
        "SET LOCAL client_min_messages = warning",
    ]
    after = []
    for (schema,) in connection.execute(_OWN_SCHEMAS).fetchall():
        before.append(_text(connection, "DROP SCHEMA {} CASCADE", schema))
    before.append("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
    before.append("GRANT USAGE ON SCHEMA public TO PUBLIC")
    if made is not None:
        for role in LEAST_PRIVILEGE:
            before += _role(connection, user_name(role))
        if made.owner != connection.info.user:
            # the dump names the owner of then: what was its becomes the one's of now
            _refuse_namesake(connection, made.owner)
            before += _role(connection, made.owner)
            # what a role is to own must lie where that role may make things
            before.append(_text(connection, "GRANT CREATE ON SCHEMA public TO {}", made.owner))
            after.append(_text(connection, "REASSIGN OWNED BY {} TO CURRENT_USER", made.owner))
            after.append(_text(connection, "DROP OWNED BY {}", made.owner))
            after.append(_text(connection, "DROP ROLE {}", made.owner))
    return _script(before), _script([*after, "COMMIT"])


def _role(connection: Connection, name: str) -> list[str]:
    """A role that cannot log in yet, unless it is there; an owner without powers is a member."""
    made = [] if _exists(connection, name) else [_text(connection, "CREATE ROLE {} NOLOGIN", name)]
    mighty = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if mighty.fetchone() == (True,):
        return made
    return [*made, _text(connection, "GRANT {} TO CURRENT_USER", name)]


def _refuse_namesake(connection: Connection, owner: str) -> None:
    if _exists(connection, owner):
        raise BackupError(
            f"the backup is of a database that {owner!r} owned, this server has that role and "
            f"QBANK_DATABASE_URL connects as {connection.info.user!r}: connect as {owner!r}"
        )


def _exists(connection: Connection, role: str) -> bool:
    query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
    return connection.execute(query, [role]).fetchone() is not None


def _text(connection: Connection, statement: str, name: str) -> str:
    return sql.SQL(statement).format(sql.Identifier(name)).as_string(connection)


def _script(statements: list[str]) -> str:
    return "".join(f"{statement};\n" for statement in statements)
