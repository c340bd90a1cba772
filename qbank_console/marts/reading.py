"""The one way to the marts: a question with parameters, answered as a data frame.

What never lives here: which marts there are (the other modules of this package).
"""

from __future__ import annotations

from typing import Any, LiteralString

import pandas as pd
import psycopg
from psycopg.types.numeric import FloatLoader

from qbank_console.resources import marts_pool


class MartsMissingError(Exception):
    """The marts have not been built, or not for this version."""


def read(question: LiteralString, /, **values: Any) -> pd.DataFrame:
    """Answers a question to the marts.

    Args:
        question: SQL with named parameters (``%(name)s``); never a formatted string.
        **values: the parameters.

    Raises:
        MartsMissingError: a mart or a column of it does not exist.
        psycopg.Error: the database refuses or does not answer.
    """
    try:
        with marts_pool().connection() as connection, connection.cursor() as cursor:
            cursor.adapters.register_loader("numeric", FloatLoader)
            cursor.execute(question, values)
            names = [column.name for column in cursor.description or ()]
            return pd.DataFrame.from_records(cursor.fetchall(), columns=names)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise MartsMissingError(
            "The marts are not built yet, or not for this version. Run `qbank nightly` once."
        ) from error
