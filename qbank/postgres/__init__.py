"""Connections to Postgres: an embedded server by default, or the one of ``QBANK_DATABASE_URL``.

What never lives here: queries. They belong to the stores and to the modules that own a table.
"""

from qbank.postgres.connections import (
    TELLS,
    Connection,
    Pool,
    connect,
    dagster_database,
    dagster_url,
    dsn,
    libpq_environment,
    pool,
)
from qbank.postgres.roles import LEAST_PRIVILEGE, ROLES, Role, user_name

__all__ = [
    "LEAST_PRIVILEGE",
    "ROLES",
    "TELLS",
    "Connection",
    "Pool",
    "Role",
    "connect",
    "dagster_database",
    "dagster_url",
    "dsn",
    "libpq_environment",
    "pool",
    "user_name",
]
