"""Exports of what an exam has: responses, items, keys, parameters and exposure control.

What never lives here: marts, which readers query themselves, and backups.
"""

from qbank.exporting.files import Exported, export
from qbank.exporting.items import export_items
from qbank.exporting.tables import TABLES, What

__all__ = ["TABLES", "Exported", "What", "export", "export_items"]
