"""Nothing is skipped, order is kept within a quiz, and the cursor is moved by one alone."""

from __future__ import annotations

import threading
import time

import pytest
import structlog

from qbank.postgres import connect
from qbank.relay import Relay, cursor, dead_letters, outbox, replay, standing
from qbank.relay import relaying as relaying_module
from tests.qbank.relay.events import Memory, step, write


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def make(settings):
    """``make(sink)`` is a relay of it; what it runs is stopped in the end."""
    made = []

    def relay(sink, **options):
        made.append(Relay(sink, opened, **{"batch": 3, "poll_s": 0.1} | options))
        return made[-1]

    yield relay
    for each in made:
        each.stop()


@pytest.fixture
def running(make):
    """The same, running in a thread."""
    threads = []

    def start(sink, **options):
        relay = make(sink, **options)
        threads.append((relay, threading.Thread(target=relay.run)))
        threads[-1][1].start()
        return relay

    yield start
    for relay, thread in threads:
        relay.stop()
        thread.join(10)
        assert not thread.is_alive()


def opened():
    return connect("orchestration", autocommit=True)


def wait(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_an_event_that_commits_late_is_waited_for(running, memory):
    """Its position is the lower one: a reader that goes by the highest it sees would skip it."""
    with connect("owner") as late, connect("owner") as early, connect("owner") as bystander:
        bystander.execute("SELECT pg_current_xact_id()")  # writes no event: nobody waits for it
        write(late, "late", 1)
        write(early, "early", 1)
        early.commit()
        running(memory)
        time.sleep(0.3)
        assert memory.taken == []
        late.commit()
        wait(lambda: len(memory.taken) == 2)
    assert memory.taken == [("late", 1), ("early", 1)]


def test_a_later_step_with_a_lower_transaction_id_comes_later(make, memory):
    """It had its id before it waited for the earlier step to end; a third one is in between."""
    with connect("owner") as later, connect("owner") as between, connect("owner") as earlier:
        for conn in (later, between, earlier):
            conn.execute("SELECT pg_current_xact_id()")
        write(earlier, "quiz", 1)
        earlier.commit()
        write(later, "quiz", 2)
        later.commit()
        make(memory).run_once()
        assert memory.taken == [("quiz", 1), ("quiz", 2)]


def test_what_rolled_back_is_no_event_and_no_gap_stops_the_rest(make, memory):
    with connect("owner") as conn:
        write(conn, "undone", 1)
        conn.rollback()
        write(conn, "quiz", *range(7))
        conn.commit()
    make(memory).run_once()
    make(memory).run_once()
    assert memory.taken == [("quiz", number) for number in range(7)]


def test_one_leads_and_the_next_takes_over_at_once(running, memory):
    other = Memory()
    first = running(memory)
    wait(lambda: _standing().holder != "")
    running(other)
    with connect("owner", autocommit=True) as conn:
        write(conn, "quiz", 1)
        wait(lambda: memory.taken)
        first.stop()
        wait(lambda: _epoch() == 2)
        write(conn, "quiz", 2)
        wait(lambda: other.taken)
    assert (memory.taken, other.taken) == ([("quiz", 1)], [("quiz", 2)])


def test_whoever_was_deposed_moves_nothing_and_waits_for_silence(settings, make, memory):
    with connect("owner") as conn:
        write(conn, "quiz", 1)
    with opened() as conn, opened() as other:
        mine = cursor.lead(conn, "memory", "a", lock_counts=True)
        assert cursor.lead(other, "memory", "b", lock_counts=True) is None
        # as behind a transaction pooler, where two sessions have the one lock
        theirs = cursor.lead(conn, "memory", "b", lock_counts=True)
        (event,) = outbox.page(conn, 0, 10, 10)
        with pytest.raises(cursor.DeposedError):
            cursor.move(conn, mine, [event])
        assert cursor.lead(conn, "memory", "a", lock_counts=False) is None
        assert _standing().behind == 1
        assert cursor.move(conn, theirs, [event]).position == event.position
        conn.execute("UPDATE event_relays SET heard_at = heard_at - interval '61 s'")
        assert (
            cursor.lead(other, "memory", "c", lock_counts=True) is not None
        )  # its lock is not free


def test_a_poison_event_is_set_aside_by_name_and_sent_again(make, memory):
    memory.refuses = {("quiz", 2)}
    with connect("owner") as conn:
        write(conn, "quiz", *range(5))
    with structlog.testing.capture_logs() as said:
        make(memory).run_once()
    assert memory.taken == [("quiz", number) for number in (0, 1, 3, 4)]
    with opened() as conn:
        (letter,) = dead_letters(conn)
        assert (letter.reason, letter.type, letter.kept) == (
            "not this one",
            "answer_submitted",
            True,
        )
        assert said[0]["event"] == "an event is set aside"
        assert said[0]["log_level"] == "error"
        (found,) = standing(conn)
        assert (found.behind, found.oldest_s, found.dead_letters, found.delivered) == (
            0,
            None,
            1,
            4,
        )
        assert replay(conn, memory)[0] == 0
        memory.refuses = set()
        assert replay(conn, memory, [str(letter.event_id)])[0] == 1
        assert memory.taken[-1] == ("quiz", 2)
        assert dead_letters(conn) == ()


def test_many_are_sent_again_in_one_go(make, memory):
    """Though a sink takes no more of them at once than it has time for."""
    memory.refuses = {("quiz", number) for number in range(5)}
    with connect("owner") as conn:
        write(conn, "quiz", *range(5))
    make(memory).run_once()
    memory.refuses, memory.at_once = set(), 2
    with opened() as conn:
        assert replay(conn, memory)[0] == 5
    assert memory.taken == [("quiz", number) for number in range(5)]


def test_a_sink_that_is_away_gets_the_rest_later_and_nothing_twice(make, memory, monkeypatch):
    pauses = []
    monkeypatch.setattr(relaying_module, "pause_after", lambda n: pauses.append(n) or 0.01)
    memory.away = 4
    with connect("owner") as conn:
        write(conn, "quiz", *range(6))
    with structlog.testing.capture_logs() as said:
        make(memory).run_once()
    assert memory.taken == [("quiz", number) for number in range(6)]
    assert pauses == [1, 2, 1]  # it got on with the third of each batch
    assert {entry["event"] for entry in said} == {"the sink is away"}
    assert said[0]["reason"] == "gone fishing"


def test_a_connection_that_is_cut_is_made_anew(running, memory, monkeypatch):
    monkeypatch.setattr(relaying_module, "pause_after", lambda _n: 0.05)
    running(memory)
    with connect("owner", autocommit=True) as conn:
        for number in range(4):
            write(conn, "quiz", number)
            wait(lambda number=number: ("quiz", number) in memory.taken)
            conn.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'qbank_orchestration'"""
            )
    assert list(dict.fromkeys(memory.taken)) == [("quiz", number) for number in range(4)]


def test_a_database_restored_under_it_is_read_from_the_cursor_that_it_has(
    running, memory, monkeypatch
):
    """Its connection outlives that; the epoch may be the same, and positions come again."""
    monkeypatch.setattr(cursor, "WAITS_S", 0.6)
    with connect("owner", autocommit=True) as conn:
        write(conn, "quiz", *range(2))
        running(memory)
        wait(lambda: len(memory.taken) == 2)
        backup = conn.execute("SELECT position, epoch FROM event_relays").fetchone()
        write(conn, "quiz", *range(2, 5))
        wait(lambda: len(memory.taken) == 5 and _standing().behind == 0)
        with conn.transaction():
            conn.execute("DELETE FROM event_outbox WHERE position > %s", backup[:1])
            conn.execute("ALTER TABLE event_outbox ALTER position RESTART WITH 3")
            conn.execute(
                """UPDATE event_relays SET position = %s, epoch = %s, waits_until = NULL,
                    heard_at = now() - interval '1 hour'""",
                backup,
            )
        write(conn, "other", *range(3))
        wait(lambda: len(memory.taken) == 8)
    assert memory.taken[5:] == [("other", number) for number in range(3)]


def test_a_database_that_is_migrated_later_is_waited_for(running, memory, monkeypatch):
    """As of containers that start together."""
    monkeypatch.setattr(relaying_module, "pause_after", lambda _n: 0.05)
    with connect("owner", autocommit=True) as conn:
        conn.execute("ALTER TABLE event_relays RENAME TO away")
        with structlog.testing.capture_logs() as said:
            running(memory)
            wait(lambda: len(said) > 1)
        conn.execute("ALTER TABLE away RENAME TO event_relays")
        write(conn, "quiz", 1)
        wait(lambda: memory.taken)
    assert said[0]["event"] == "the database is of another release: run qbank db migrate"


def test_a_writer_wakes_it_only_while_it_waits(running, memory):
    listener = connect("owner", autocommit=True)
    with listener, connect("owner", autocommit=True) as conn:
        listener.execute(f"LISTEN {outbox.CHANNEL}")
        write(conn, "quiz", 0)
        assert list(listener.notifies(timeout=0.1)) == []
        running(memory, poll_s=3.0)
        wait(lambda: memory.taken and _waits())
        began = time.monotonic()
        write(conn, "quiz", 1)
        wait(lambda: len(memory.taken) == 2)
        assert time.monotonic() - began < 1.5  # else it would have looked after three
        assert len(list(listener.notifies(timeout=0.1))) == 1


def test_data_goes_out_as_postgres_has_it(settings):
    with connect("owner") as conn:
        conn.execute(
            """INSERT INTO event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
            VALUES (gen_random_uuid(), 'ä', 'item', '1', 'item_published',
                '{"n": 12345678901234567890.123456789, "quiz_id": "q", "position": 1}')"""
        )
    with opened() as conn:
        (event,) = outbox.page(conn, 0, 10, 10)
    assert '"n": 12345678901234567890.123456789' in event.document()
    assert step(event) == ("q", 1)


def _standing():
    with opened() as conn:
        return standing(conn)[0] if standing(conn) else type("None", (), {"holder": ""})


def _epoch():
    with connect("owner") as conn:
        return conn.execute("SELECT max(epoch) FROM event_relays").fetchone()[0]


def _waits():
    with connect("owner") as conn:
        return conn.execute("SELECT bool_or(waits_until > now()) FROM event_relays").fetchone()[0]
