"""yoyo's Postgres backend, made safe against a kill between a migration and its note.

What never lives here: which migrations are run.
"""

from __future__ import annotations

import socket
import uuid
from datetime import UTC, datetime
from typing import Any

from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from qbank.system_user import system_user


class AtomicBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """Applies a migration and notes it in one transaction.

    yoyo notes it in a second one: a kill between the two would apply a migration twice.
    """

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:
        """Applies a migration and notes it."""
        self.ensure_internal_schema_updated()
        with self.transaction():
            migration.process_steps(self, "apply", force=force)
            if mark:
                self.mark_one(migration)

    def rollback_one(self, migration: Any, force: bool = False) -> None:
        """Takes a migration back and forgets it."""
        self.ensure_internal_schema_updated()
        with self.transaction():
            migration.process_steps(self, "rollback", force=force)
            self.unmark_one(migration)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Who did it, for yoyo's log."""
        # yoyo asks for the fully qualified host name, which may wait seconds for a name server
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": system_user(),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }
