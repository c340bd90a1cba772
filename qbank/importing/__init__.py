"""Import of responses that were collected elsewhere, from CSV or Parquet.

What never lives here: responses of our own delivery, and anything psychometric.
"""

from qbank.importing.codes import Codes
from qbank.importing.columns import PRESETS, ColumnMap
from qbank.importing.exam import NewExam
from qbank.importing.request import ImportRequest
from qbank.importing.responses import ImportRefusedError, Progress, import_responses

__all__ = [
    "PRESETS",
    "Codes",
    "ColumnMap",
    "ImportRefusedError",
    "ImportRequest",
    "NewExam",
    "Progress",
    "import_responses",
]
