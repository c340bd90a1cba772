"""Backups: both databases in one folder, and the way back onto an empty server.

Roles' passwords and other secrets are no part of a backup: a restored server gets its own.
What never lives here: the schema (``sql/``), and where the server is (``qbank.postgres``).
"""

from qbank.backups.archive import Backup, read
from qbank.backups.dumping import backup
from qbank.backups.restoring import restore
from qbank.backups.rotation import backup_anew

__all__ = ["Backup", "backup", "backup_anew", "read", "restore"]
