"""What the tests of the import share: small files, and questions to the database."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

from psycopg import sql

from qbank.importing import ColumnMap
from qbank.postgres import connect

DAY = datetime(2024, 6, 1, tzinfo=UTC)
FULL = ColumnMap(option="option", time="time", timestamp="at", topic="topic")
HEADER = "user_id,question,correct,option,time,at,topic\n"
GOOD = (
    HEADER
    + "u1,q1,1,A,1500,2024-06-01T10:00:00Z,Heart\n"
    + "u1,q2,0,b,2500.4,2024-06-01T12:00:30+02:00,Lung\n"
    + "u2,q1,true,a,,2024-06-01 11:00:00,Heart\n"
)


def rows(query, *values):
    with connect() as connection:
        return connection.execute(query, values).fetchall()


def size(table):
    return rows(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))[0][0]


def reasons(importer):
    with importer.rejects.open(newline="") as file:
        return {int(row["reject_line"]): row["reject_reason"] for row in csv.DictReader(file)}
