"""Import of items written elsewhere: tables, GIFT, Aiken, Moodle XML and QTI.

What never lives here: answers to items, their parameters, and reviewing them.
"""

from qbank.importing.questions.imports import ItemsRefusedError, import_items
from qbank.importing.questions.request import ItemsRequest

__all__ = ["ItemsRefusedError", "ItemsRequest", "import_items"]
