"""Fairness and fit of an exam's items as they were found last, and the groups that people are of.

What never lives here: finding them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from psycopg import Connection

from qbank.stores.errors import StoreError
from qbank.stores.exposure import lock
from qbank.stores.item_bank import Exam
from qbank.vocabulary import EtsClass


@dataclass(frozen=True)
class Fairness:
    """DIF of one item version between two groups.

    Attributes:
        attribute: name of what people differ by.
        focal: the group's value of it.
        reference: the value of the group that it is compared with.
        n_focal: first answers of the group to the item.
        n_reference: of the reference group.
        delta: on the delta scale of ETS; negative: harder for the focal group.
        se_delta: its standard error.
        uniform_p: p value of a level of its own.
        nonuniform_p: of a slope of its own.
        q_value: false discovery rate over the bank, of both.
        power: to find an effect of class C at 5 %.
        ets_class: A, B or C.
    """

    question_id: int
    version: int
    attribute: str
    focal: str
    reference: str
    n_focal: int
    n_reference: int
    delta: float
    se_delta: float
    uniform_p: float
    nonuniform_p: float
    q_value: float
    power: float
    ets_class: EtsClass


@dataclass(frozen=True)
class Fit:
    """How the answers to one item version follow its curve; None where that cannot be told.

    Attributes:
        n: first answers.
        is_poor: whether the answers do not follow the curve.
        shape_p: p value of a curve of another shape.
        shape_q: its false discovery rate over the bank.
        s_x2: S-X² of a complete form.
        dependent_question_id: the item whose answers go together with its own beyond ability.
        q3: correlation of their residuals.
        change_q: that an easier and faster item from some moment on is chance, over the bank.
        is_compromised: whether it is taken for leaked; the rest is None unless it is.
        compromised_since: moment of the first answer since.
        n_since: answers since.
        shift_since: log odds of a right answer since less before.
        slowness_since: mean log time since less before, in SDs of the item.
    """

    question_id: int
    version: int
    n: int
    infit: float
    outfit: float
    rmsd: float
    is_poor: bool
    shape_p: float | None
    shape_q: float | None
    s_x2: float | None
    s_x2_df: int | None
    s_x2_p: float | None
    dependent_question_id: int | None
    dependent_version: int | None
    q3: float | None
    change_q: float | None
    is_compromised: bool
    compromised_since: datetime | None
    n_since: int | None
    shift_since: float | None
    slowness_since: float | None


@dataclass(frozen=True)
class Examination:
    """All that was found of one exam's items.

    Attributes:
        responses: first answers that it rests on.
        persons: who gave them.
        input_fingerprint: of answers, parameters and groups.
        summary: which attributes were looked at and which were not, and person fit.
    """

    responses: int
    persons: int
    input_fingerprint: str
    summary: Mapping[str, Any]
    fairness: tuple[Fairness, ...]
    fit: tuple[Fit, ...]


@dataclass(frozen=True)
class People:
    """Attributes of who answered an exam.

    Attributes:
        attributes: of each person, in the order of ``FirstAttempts.person``.
        version: how often attributes of the tenant's people had changed; 0 where none ever were.
    """

    attributes: Sequence[Mapping[str, str]]
    version: int


def people(conn: Connection[Any], exam: Exam, persons: int) -> People:
    """Attributes of who answered the exam, all of one moment.

    Args:
        conn: an open connection.
        exam: whose first attempts were read.
        persons: how many they are of.

    Raises:
        StoreError: the marts were built anew since the first attempts were read.
    """
    # before the attributes: what changes them meanwhile moves it on, and is taken for news
    sql = "SELECT version FROM people_versions WHERE tenant_id = %s"
    version = conn.execute(sql, (exam.tenant_id,)).fetchone()
    sql = """SELECT coalesce(p.attributes, '{}')
        FROM (SELECT DISTINCT user_id FROM analytics.irt_responses WHERE exam_code = %s) AS a
        LEFT JOIN people AS p ON p.tenant_id = %s AND p.user_id = a.user_id
        ORDER BY a.user_id COLLATE "C" """
    rows = conn.execute(sql, (exam.exam_code, exam.tenant_id)).fetchall()
    if len(rows) != persons:
        raise StoreError(
            f"exam {exam.exam_code!r}: its answers are of {len(rows)} persons and were of"
            f" {persons}: the marts were built meanwhile; run it again"
        )
    return People([row[0] for row in rows], version[0] if version else 0)


def newest(conn: Connection[Any]) -> datetime | None:
    """When an exam's items were examined last; None where none ever were."""
    row = conn.execute("SELECT max(examined_at) FROM item_examinations").fetchone()
    return row[0] if row else None


def publish(
    conn: Connection[Any],
    exam_code: str,
    found: Examination,
    *,
    people_version: int,
    orchestrator_run_id: str | None = None,
) -> None:
    """Puts an examination in the place of the one before, under the exam's lock.

    Args:
        conn: an open connection; the caller commits.
        exam_code: of the exam.
        found: the examination.
        people_version: of the attributes that it rests on.
        orchestrator_run_id: the run that found it.
    """
    lock(conn, exam_code)
    conn.execute("DELETE FROM item_examinations WHERE exam_code = %s", (exam_code,))
    conn.execute(
        """INSERT INTO item_examinations (exam_code, responses, persons, input_fingerprint, summary,
            people_version, orchestrator_run_id, examined_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp())""",
        (
            exam_code,
            found.responses,
            found.persons,
            found.input_fingerprint,
            json.dumps(dict(found.summary)),
            people_version,
            orchestrator_run_id,
        ),
    )
    _copy(conn, "item_fairness", Fairness, exam_code, found.fairness)
    _copy(conn, "item_fit", Fit, exam_code, found.fit)


def _copy(
    conn: Connection[Any],
    table: str,
    kind: type[Fairness] | type[Fit],
    exam_code: str,
    rows: Sequence[Fairness] | Sequence[Fit],
) -> None:
    names = [field.name for field in fields(kind)]
    columns = ", ".join(["exam_code", *names])
    with conn.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([exam_code, *(getattr(row, name) for name in names)])
