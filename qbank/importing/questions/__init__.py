"""Import of items written elsewhere: tables, GIFT, Aiken, Moodle XML and QTI.

What never lives here: answers to items, their parameters, and reviewing them.
"""

from qbank.importing.questions.forms import Form
from qbank.importing.questions.imports import ItemsRefusedError, import_items
from qbank.importing.questions.request import ItemsReport, ItemsRequest

__all__ = ["Form", "ItemsRefusedError", "ItemsReport", "ItemsRequest", "import_items"]
