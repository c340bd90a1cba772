"""The schema's migrations (``sql/``), and what a migrated schema needs around it.

What never lives here: SQL of the schema itself.
"""

from qbank.migrations.schema import MigrationState, migrate, rollback, status

__all__ = ["MigrationState", "migrate", "rollback", "status"]
