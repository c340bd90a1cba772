"""Addresses, connections and pools by role: the only place that opens any.

What never lives here: SQL, and how the embedded server is kept (``embedded``).
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import psycopg_pool
from psycopg.conninfo import conninfo_to_dict
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_exponential_jitter,
)

from qbank.errors import DatabaseUnavailableError, SettingsError
from qbank.postgres import embedded
from qbank.postgres.roles import Role, password, user_name
from qbank.settings import Settings, get_settings
from qbank.wording import one_line

Connection = psycopg.Connection[tuple[Any, ...]]
Pool = psycopg_pool.ConnectionPool[Connection]

# refusals that no waiting cures
_LASTING = (
    "authentication failed",
    "does not exist",
    "no password",
    "no pg_hba",
    "permission denied",
    "invalid",
)
# the entry point of ``kept_connections``; SQLAlchemy imports it where the address is opened
_KEPT_CONNECTIONS = "qbank_kept_connections"
TELLS = "-c qbank.events=on"
"""The option of a session whose changes of items and runs are told as events, by triggers."""
_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


def dsn(
    role: Role = "owner", settings: Settings | None = None, *, database: str | None = None
) -> str:
    """The ``postgresql://`` URL of a role; starts the embedded server where it is used.

    Args:
        role: who connects; the owner changes the schema, everything else is a lesser role.
        settings: those of the process where None.
        database: another database of the same server.

    Raises:
        SettingsError: the role is unknown or ``QBANK_DATABASE_URL`` cannot be read.
        EmbeddedServerError: the embedded server does not start.
    """
    return _url("postgresql", _parameters(role, settings or get_settings(), database))


def connect(
    role: Role = "owner",
    *,
    settings: Settings | None = None,
    database: str | None = None,
    timeout_s: float | None = None,
    **options: Any,
) -> Connection:
    """A psycopg connection (autocommit off), waiting for a server that restarts.

    Args:
        role: who connects.
        settings: those of the process where None.
        database: another database of the same server.
        timeout_s: seconds to keep trying; ``QBANK_DATABASE_TIMEOUT_S`` where None.
        **options: passed on to ``psycopg.connect``.

    Raises:
        DatabaseUnavailableError: no connection in time, or a refusal that waiting cannot cure.
    """
    settings = settings or get_settings()
    patience = settings.database_timeout_s if timeout_s is None else timeout_s
    began = time.monotonic()
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_passes),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0, jitter=0.05),
            stop=_stop_by(began + patience),
            reraise=True,
        ):
            with attempt:
                # asked anew each time: it is what starts the embedded server again
                address = dsn(role, settings, database=database)
                return psycopg.connect(address, connect_timeout=10, **options)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(_unavailable(role, settings, error)) from error
    raise AssertionError("unreachable")


def pool(
    role: Role,
    *,
    settings: Settings | None = None,
    min_size: int = 1,
    max_size: int = 8,
    **options: Any,
) -> Pool:
    """A closed ``psycopg_pool.ConnectionPool``; open it with ``with`` or ``.open()``.

    Connections are checked as they are handed out, and made anew after a restart of the server.
    """
    chosen = settings or get_settings()
    return psycopg_pool.ConnectionPool(
        lambda: dsn(role, chosen),
        min_size=min_size,
        max_size=max_size,
        open=False,
        check=psycopg_pool.ConnectionPool.check_connection,
        **options,
    )


def dagster_database(settings: Settings | None = None) -> str:
    """The name of the database that holds Dagster's own storage."""
    settings = settings or get_settings()
    if settings.database_url is None:
        return f"{settings.database}_dagster"
    return f"{_external(settings)['dbname']}_dagster"


def dagster_url(settings: Settings | None = None) -> str:
    """SQLAlchemy URL of Dagster's storage; psycopg2 is named, for Dagster's NOTIFY needs it."""
    settings = settings or get_settings()
    parameters = _parameters("orchestration", settings, dagster_database(settings))
    return _url("postgresql+psycopg2", parameters | {"plugin": _KEPT_CONNECTIONS})


def libpq_environment(
    role: Role, settings: Settings | None = None, *, database: str | None = None
) -> dict[str, str]:
    """``PGHOST``, ``PGPORT``, ``PGUSER``, ``PGPASSWORD``, ``PGDATABASE`` … for other programs."""
    parameters = _parameters(role, settings or get_settings(), database)
    return {_ENVIRONMENT[key]: value for key, value in parameters.items() if key in _ENVIRONMENT}


def _parameters(role: Role, settings: Settings, database: str | None) -> dict[str, str]:
    user = user_name(role)
    if settings.database_url is None:
        parameters = {
            "host": embedded.HOST,
            "port": str(embedded.ensure_running(settings)),
            "dbname": settings.database,
        }
    else:
        parameters = _external(settings)
    if settings.database_url is None or role != "owner":
        parameters |= {"user": user, "password": password(role, settings)}
    if settings.events:
        parameters["options"] = f"{parameters.get('options', '')} {TELLS}".lstrip()
    return parameters | ({"dbname": database} if database else {})


def _external(settings: Settings) -> dict[str, str]:
    url = settings.database_url
    assert url is not None  # noqa: S101
    try:
        found = conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError as error:
        raise SettingsError(
            "QBANK_DATABASE_URL cannot be read: write postgresql://user:password@host:5432/database"
        ) from error
    parameters = {key: str(value) for key, value in found.items()}
    if settings.database_password is not None:
        parameters["password"] = settings.database_password.get_secret_value()
    if not parameters.get("dbname"):
        raise SettingsError("QBANK_DATABASE_URL names no database: end it with /database")
    return {"host": "localhost", "port": "5432"} | parameters


def _url(scheme: str, parameters: dict[str, str]) -> str:
    rest = dict(parameters)
    user, database = quote(rest.pop("user", ""), safe=""), quote(rest.pop("dbname"), safe="")
    secret, host, port = rest.pop("password", None), rest.pop("host"), rest.pop("port")
    who = f"{user}:{quote(secret, safe='')}@" if secret else f"{user}@" if user else ""
    if host.startswith("/"):  # a socket's folder cannot stand where a host name stands
        rest |= {"host": host, "port": port}
        host, port = "", ""
    where = f"{host}:{port}" if host else ""
    # libpq takes + for itself, and not for a blank
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    return f"{scheme}://{who}{where}/{database}{query}"


def _passes(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and not any(
        sign in str(error) for sign in _LASTING
    )


def _stop_by(deadline: float) -> Any:
    def stop(_state: RetryCallState) -> bool:
        return time.monotonic() >= deadline

    return stop


def _unavailable(role: Role, settings: Settings, error: psycopg.OperationalError) -> str:
    reason = one_line(error)
    if settings.database_url is None:
        remedy = f"see {settings.home / 'logs' / 'postgres.log'}; has qbank db init run?"
    else:
        remedy = "check QBANK_DATABASE_URL; has qbank db init run?"
    return f"cannot connect to Postgres as {user_name(role)} ({reason}): {remedy}"
