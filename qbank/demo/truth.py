"""What was planted, kept beside the data so that recovery can be measured.

What never lives here: estimates.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qbank.demo.content import EXAMS, Units
from qbank.demo.people import People
from qbank.errors import QbankError
from qbank.postgres import connect
from qbank.settings import Settings, get_settings

_TENANT_SQL = "SELECT external_ref, id FROM questions WHERE tenant_id = %s"


def write(units: Units, people: People, settings: Settings) -> None:
    """Writes ``home/demo/truth.parquet`` and ``home/demo/abilities.parquet``."""
    exam, unit = np.nonzero(units.in_exam.T)
    items = pa.table(
        {
            "exam_code": np.array(EXAMS)[exam],
            "external_ref": [units.ref(int(u)) for u in unit],
            "version": units.version[unit],
            "a": units.a[unit],
            "b": units.b[unit],
            "c": units.c[unit],
        }
    )
    persons = pa.table(
        {
            "user_id": [people.name(user) for user in range(people.theta.size)],
            "theta": people.theta,
            "cohort": np.where(people.controlled, "sympson_hetter", "vanilla"),
        }
    )
    folder = settings.home / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, table in (("truth", items), ("abilities", persons)):
        partial = folder / f"{name}.partial"
        pq.write_table(table, partial)
        partial.replace(folder / f"{name}.parquet")


def truth(settings: Settings | None = None) -> pd.DataFrame:
    """The planted item parameters.

    Returns:
        One row per exam, question and version: exam_code, question_id (of the database of the
        settings), version, external_ref, a, b, c (3PL, D = 1.7).

    Raises:
        QbankError: there is no demo here.
    """
    settings = settings or get_settings()
    items = pd.read_parquet(_file("truth", settings))
    with connect("orchestration", settings=settings) as connection:
        ids: dict[str, int] = dict(connection.execute(_TENANT_SQL, ["demo"]).fetchall())
    items.insert(1, "question_id", items["external_ref"].map(ids))
    return items.dropna(subset=["question_id"]).astype({"question_id": "int64"})


def abilities(settings: Settings | None = None) -> pd.DataFrame:
    """The planted abilities: user_id, theta, cohort.

    Raises:
        QbankError: there is no demo here.
    """
    return pd.read_parquet(_file("abilities", settings or get_settings()))


def _file(name: str, settings: Settings) -> Path:
    path = settings.home / "demo" / f"{name}.parquet"
    if not path.exists():
        raise QbankError(f"{path} is not there: qbank demo-data makes it")
    return path
