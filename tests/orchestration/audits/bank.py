"""A small bank in one transaction that is rolled back: what publication tests write on.

A plugin of its own, so that the mutation run can use it without starting a server for each mutant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from qbank import postgres
from qbank.stores import exposure, item_bank, item_parameters, runs
from qbank.stores.exposure import Control, Origin
from qbank.stores.item_bank import Pool
from tests.orchestration.audits import examples

EXAM = "algebra"


@dataclass(frozen=True)
class Bank:
    """Six live items with parameters, on an open transaction.

    Attributes:
        items: their question ids.
    """

    conn: postgres.Connection
    items: tuple[int, ...]

    def pool(self) -> Pool:
        return item_bank.load(self.conn, EXAM)

    def sh_p(self) -> dict[int, float]:
        """In force, by the number of the item from 1."""
        held = {c.question_id: c.sh_p for c in exposure.in_force(self.conn, EXAM)}
        return {n: held[q] for n, q in enumerate(self.items, 1) if q in held}

    def control(self, sh_p: Mapping[int, float]) -> None:
        """Puts exposure parameters in force by hand."""
        wanted = [Control(self.items[n - 1], 1, value) for n, value in sh_p.items()]
        exposure.publish(self.conn, EXAM, wanted, Origin("manual", "test"))

    def parameters(self) -> tuple[item_parameters.ItemParameters, ...]:
        return item_parameters.in_force(self.conn, EXAM, "2pl")

    def run(self, kind: runs.Kind, result: Mapping[str, Any] | None, **params: Any) -> runs.Run:
        """A running row with a proposal, or without one."""
        made = runs.create(self.conn, kind=kind, exam_code=EXAM, params=params, requested_by="test")
        runs.claim(self.conn, made.id, orchestrator_run_id="test")
        if result is not None:
            runs.propose(self.conn, made.id, result, input_fingerprint="seen")
        return runs.get(self.conn, made.id)

    def exposure(self, **changes: Any) -> dict[str, Any]:
        """A result that proposes exposure parameters; items count from 1."""
        changes.setdefault("fingerprint", self.pool().fingerprint())
        return self._own(examples.exposure(**changes).as_result())

    def fit(self, *args: Any, **changes: Any) -> dict[str, Any]:
        """A result that proposes item parameters; items count from 1."""
        result = examples.parameters(*args, **changes).as_result()
        columns = result["proposal"]["parameters"]
        columns["question_id"] = [self.items[n - 1] for n in columns["question_id"]]
        for row in result["summary"].get("tried_out", ()):
            row["question_id"] = self.items[row["question_id"] - 1]
        return result

    def _own(self, result: dict[str, Any]) -> dict[str, Any]:
        proposal = result["proposal"]
        proposal["question_id"] = [self.items[n - 1] for n in proposal["question_id"]]
        return result


@pytest.fixture
def bank(database: None) -> Iterator[Bank]:
    """Six calibrated live items of an exam; nothing of it outlives the test."""
    with postgres.connect("owner") as conn:
        conn.execute(
            "INSERT INTO exams (exam_code, tenant_id, title, irt_model, tau, test_length)"
            " VALUES (%s, 't', 'Algebra', '2pl', 0.4, %s)",
            (EXAM, examples.TEST_LENGTH),
        )
        topic = _one(conn, "INSERT INTO topics (tenant_id, name) VALUES ('t', 'x') RETURNING id")
        items = tuple(_item(conn, topic) for _ in range(examples.ITEMS))
        own = Bank(conn, items)
        rows = [
            type(row)(**(vars(row) | {"question_id": items[row.question_id - 1]}))
            for row in examples.published()
        ]
        item_parameters.publish(conn, EXAM, "2pl", rows, run_id=None)
        yield own
        conn.rollback()


def _item(conn: postgres.Connection, topic: int) -> int:
    question = _one(
        conn, "INSERT INTO questions (tenant_id, created_by) VALUES ('t', 'me') RETURNING id"
    )
    conn.execute(
        "INSERT INTO question_versions (question_id, version, state, stem_md, topic_id, created_by)"
        " VALUES (%s, 1, 'published', 'stem', %s, 'me')",
        (question, topic),
    )
    conn.execute(
        "INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)"
        " VALUES (%s, 1, %s, 't')",
        (question, EXAM),
    )
    return question


def _one(conn: postgres.Connection, sql: str) -> int:
    row = conn.execute(sql).fetchone()
    assert row
    return int(row[0])
