"""What the platform keeps in Postgres, as frozen dataclasses: one module a subject.

Every function takes a psycopg connection and never commits: the caller decides what is one
transaction. Values travel as parameters, never inside SQL text.

Bulk reads for calibration (``responses``) need Arrow, which nothing that serves requests does: they
are imported by their own name.

What never lives here: psychometrics, decisions about what may be published, Dagster.
"""

from qbank.stores import exposure, item_bank, item_parameters, runs, served
from qbank.stores.errors import (
    ConflictError,
    InvalidValueError,
    NotFoundError,
    StoreError,
)

__all__ = [
    "ConflictError",
    "InvalidValueError",
    "NotFoundError",
    "StoreError",
    "exposure",
    "item_bank",
    "item_parameters",
    "runs",
    "served",
]
