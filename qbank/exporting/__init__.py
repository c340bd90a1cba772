"""Exports of what an exam has: responses, keys, parameters and exposure control, to a file.

What never lives here: marts, which readers query themselves, and backups.
"""

from qbank.exporting.files import Exported, export
from qbank.exporting.tables import TABLES, What

__all__ = ["TABLES", "Exported", "What", "export"]
