"""An item is retired in the milliseconds in which an import makes it live: it is not live after."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from qbank.postgres import connect
from qbank.stores import authoring
from tests.qbank.answers import rows

FILES = {
    "items": ("q1.csv", "external_ref,stem,option_a,option_b,key\nq1,What?,x,y,A\n"),
    "responses": ("r.csv", "user_id,question,correct\nu1,q1,1\n"),
}
LEFT_LIVE = """SELECT v.state FROM question_versions AS v JOIN question_publications AS p
    ON (p.question_id, p.live_version) = (v.question_id, v.version) WHERE v.state <> 'published'"""


@pytest.fixture
def imported(command, tmp_path) -> Callable[[str], int]:
    """``imported("items")`` imports such a file; q1 is published and live nowhere before."""
    for name, text in FILES.values():
        (tmp_path / name).write_text(text)

    def run(kind: str) -> int:
        options = {"items": ["--publish"], "responses": ["--timestamp", "2024-06-01"]}[kind]
        return command("import", kind, FILES[kind][0], "--exam", "EX", *options).code

    assert command("import", "items", "q1.csv", "--exam", "EX", "--create-exam", "--publish")
    with connect() as connection:
        connection.execute("DELETE FROM question_publications")
    return run


def waiting() -> int:
    """How many backends wait for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with connect() as connection:
        return connection.execute(sql).fetchone()[0]


def until_waiting(count: int) -> None:
    deadline = time.monotonic() + 20
    while waiting() < count:
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.02)


def retire() -> None:
    with connect() as connection:
        number = connection.execute("SELECT id FROM questions").fetchone()[0]
        authoring.retire(connection, "default", number)


@pytest.mark.parametrize("kind", FILES)
def test_an_import_that_began_first_is_waited_for(imported, kind):
    with ThreadPoolExecutor(2) as both, connect() as holder:
        # a publication moves this row: the import waits with it written and not committed
        holder.execute("SELECT FROM bank_versions FOR UPDATE")
        importing = both.submit(imported, kind)
        until_waiting(1)
        retiring = both.submit(retire)
        until_waiting(2)
        holder.rollback()
        assert importing.result() == 0
        retiring.result()
    assert rows(LEFT_LIVE) == []
    assert rows("SELECT state FROM question_versions") == [("retired",)]


@pytest.mark.parametrize("kind", FILES)
def test_an_import_waits_for_a_retirement_that_began_first(imported, kind):
    with ThreadPoolExecutor(1) as other, connect() as first:
        number = first.execute("SELECT id FROM questions").fetchone()[0]
        authoring.retire(first, "default", number)
        importing = other.submit(imported, kind)
        until_waiting(1)
        first.commit()
        assert importing.result() == 0
    assert rows(LEFT_LIVE) == []
    assert rows("SELECT state FROM question_versions") == [("retired",)]
