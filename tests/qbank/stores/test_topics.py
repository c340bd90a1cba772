"""Topics are a tree: the database refuses a cycle, and none is gone around for ever."""

from __future__ import annotations

import threading

import pytest
from psycopg.errors import CheckViolation

from qbank import postgres
from qbank.stores import blueprint
from qbank.stores.blueprint import UNLISTED, BlueprintLine
from qbank.stores.item_bank import nearest_topic

CHAIN = 3  # topics, each below the one before


@pytest.fixture
def chain(settings) -> list[int]:
    made: list[int] = []
    with postgres.connect("owner") as conn:
        for n in range(CHAIN):
            row = conn.execute(
                "INSERT INTO topics (tenant_id, parent_id, name) VALUES ('t', %s, %s) RETURNING id",
                (made[-1] if made else None, f"topic {n}"),
            ).fetchone()
            assert row
            made.append(row[0])
    return made


def _move(conn: postgres.Connection, topic: int, below: int | None) -> None:
    conn.execute("UPDATE topics SET parent_id = %s WHERE id = %s", (below, topic))


@pytest.mark.parametrize("below", [1, 2])
def test_a_topic_cannot_be_put_below_one_of_its_own(chain, below) -> None:
    with postgres.connect("owner") as conn:
        with pytest.raises(CheckViolation, match=f"topic {chain[0]} cannot be put below") as error:
            _move(conn, chain[0], chain[below])
        assert error.value.diag.message_hint == "move the lower topic away first"
        conn.rollback()
        _move(conn, chain[2], chain[0])
        _move(conn, chain[1], None)
        _move(conn, chain[0], chain[1])


def test_two_moves_at_once_close_no_cycle(chain) -> None:
    with postgres.connect("owner") as conn:
        _move(conn, chain[1], None)
    refused: list[BaseException] = []

    def other_way() -> None:
        try:
            with postgres.connect("owner") as second:
                _move(second, chain[1], chain[0])
        except CheckViolation as error:
            refused.append(error)

    with postgres.connect("owner") as first:
        _move(first, chain[0], chain[1])
        thread = threading.Thread(target=other_way)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for what this one does
    thread.join(20)
    assert len(refused) == 1


def test_rows_of_one_statement_close_no_cycle(settings) -> None:
    with postgres.connect("owner") as conn, pytest.raises(CheckViolation):
        conn.execute(
            "INSERT INTO topics (id, tenant_id, parent_id, name) OVERRIDING SYSTEM VALUE"
            " VALUES (901, 't', 902, 'a'), (902, 't', 901, 'b')"
        )


@pytest.mark.timeout(20)
def test_a_cycle_that_was_there_before_ends() -> None:
    parents = {1: 2, 2: 3, 3: 2, 4: None}
    assert nearest_topic(1, parents, {4}) is None
    assert nearest_topic(1, parents, {3}) == 3
    assert blueprint.line_of(1, parents, [BlueprintLine(4, 1.0, 0)]) == UNLISTED
