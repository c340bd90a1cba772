"""Sittings told apart by pauses, and days that are local ones."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qbank.postgres import connect
from tests.qbank.answers import rows

HEADER = "user_id,question,correct,at\n"
EVENING = datetime(2024, 3, 1, 23, 30)


@pytest.fixture
def bring(command, tmp_path):
    """``bring(minutes, …)`` imports answers of one user so many minutes after 23:30 UTC."""

    def run(answers, *options, name="a.csv", gap="30m"):
        lines = [
            f"u1,{item},1,{(EVENING + timedelta(minutes=minute)).isoformat()}Z\n"
            for item, minute in answers
        ]
        (tmp_path / name).write_text(HEADER + "".join(lines))
        when = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
        paused = ("--gap", gap) if gap else ()
        return command("import", "responses", name, *when, *paused, *options)

    return run


def sittings():
    """Items of each sitting, in the order of the sittings and of their answers."""
    found = rows("""
        SELECT string_agg(q.external_ref, ' ' ORDER BY r.created_at) FROM user_responses AS r
        JOIN questions AS q ON q.id = r.question_id
        GROUP BY r.quiz_id ORDER BY min(r.created_at)
    """)
    return [row[0] for row in found]


OVER_MIDNIGHT = [("a", 0), ("b", 25), ("c", 50), ("d", 90), ("e", 110)]


def test_a_pause_ends_a_sitting_and_midnight_does_not(bring):
    done = bring(OVER_MIDNIGHT)
    assert (done.code, done.err) == (0, "")
    assert sittings() == ["a b c", "d e"]
    assert "0 new, 5 known" in bring(OVER_MIDNIGHT).out


def test_without_a_gap_midnight_ends_it(bring):
    done = bring(OVER_MIDNIGHT, gap=None)
    assert sittings() == ["a b", "c d e"]
    assert "1 sittings of 1 people go on within 30 minutes after midnight, and are two" in done.out
    assert "after midnight" not in bring(OVER_MIDNIGHT[:2], gap=None, name="b.csv").out


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ([("f", 120)], ["b c", "d e f"]),
        (OVER_MIDNIGHT[:1], ["a b c", "d e"]),
        (OVER_MIDNIGHT, ["a b c", "d e"]),
        # near to both: the earlier one goes on
        ([("x", 70)], ["b c x", "d e"]),
    ],
)
def test_a_sitting_goes_on_in_another_file(bring, more, found):
    bring(OVER_MIDNIGHT[1:])
    done = bring(more, name="b.csv")
    assert "1 new" in done.out, done.err
    assert sittings() == found
    assert "0 new" in bring(more, name="b.csv").out


def test_no_sitting_goes_on_that_is_void(bring):
    bring(OVER_MIDNIGHT[:2])
    with connect() as connection:
        connection.execute("UPDATE quiz_sessions SET voided_at = now()")
    assert "1 new" in bring(OVER_MIDNIGHT[2:3], name="b.csv").out
    assert sittings() == ["a b", "c"]
    assert rows("SELECT count(*) FROM quiz_sessions WHERE voided_at IS NULL") == [(1,)]
    # and the same file brings nothing of it back
    assert "0 new, 2 known" in bring(OVER_MIDNIGHT[:2], name="c.csv").out
    assert sittings() == ["a b", "c"]


def test_two_stretches_of_a_file_may_go_on_with_one_sitting(bring):
    bring([("a", 0), ("b", 29), ("c", 58)])
    done = bring([("x", -20), ("y", 80), ("x", 81)], "--max-rejects", "1", name="b.csv")
    assert "rejected by reason: an item is answered twice in one sitting 1" in done.out
    assert sittings() == ["x a b c y"]


def test_practice_data_has_pauses_and_repeated_answers(bring):
    practice = [("a", 0), ("a", 1), ("b", 2), ("a", 3), ("a", 600), ("b", 601), ("b", 602)]
    done = bring(practice, "--attempt", "auto")
    assert "7 new" in done.out, done.err
    assert sittings() == ["a b", "a", "a", "a b", "b"]
    again = bring(practice, "--attempt", "auto")
    assert "0 new, 7 known" in again.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sitting", "one"), "--sitting 'one'"),
        (("--session-col", "at"), "--session-col 'at'"),
        (("--attempt-col", "at"), "--attempt auto counts answers within a sitting"),
    ],
)
def test_what_contradicts_a_gap_is_refused(bring, options, said):
    assert said in bring(OVER_MIDNIGHT, *options).err


def test_a_gap_needs_clock_times_and_a_unit(bring, command):
    assert "'30' is no length of time: write 30m" in bring(OVER_MIDNIGHT, gap="30").err
    day = ("--exam", "EX", "--create-exam", "--timestamp", "2024-03-01", "--gap", "30m")
    bring(OVER_MIDNIGHT)
    assert "name the column with --timestamp-col" in (
        command("import", "responses", "a.csv", *day).err
    )


def test_the_same_file_under_another_gap_is_refused(bring):
    bring(OVER_MIDNIGHT)
    assert "gap was 1800.0, not 60.0" in bring(OVER_MIDNIGHT, gap="1m").err


@pytest.mark.parametrize(
    "at",
    [
        pa.array([datetime(2024, 7, 1, 8, 0)], pa.timestamp("ns")),
        pa.array([datetime(2024, 7, 1, 8, 0)], pa.timestamp("ms")),
        pa.array([datetime(2024, 7, 1, 6, 0)], pa.timestamp("us", "UTC")),
        pa.array(["2024-07-01 08:00"]),
    ],
)
def test_times_without_a_zone_are_local_whatever_the_format(command, tmp_path, at):
    table = pa.table({"user_id": ["u1"], "question": ["a"], "correct": [1], "at": at})
    pq.write_table(table, tmp_path / "a.parquet")
    when = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
    done = command("import", "responses", "a.parquet", *when, "--timezone", "Europe/Berlin")
    assert done.code == 0, done.err
    assert rows("SELECT created_at AT TIME ZONE 'UTC' FROM user_responses") == [
        (datetime(2024, 7, 1, 6, 0),)
    ]


def test_a_date_is_a_local_one(command, tmp_path):
    at = pa.array([date(2024, 7, 1)])
    table = pa.table({"user_id": ["u1"], "question": ["a"], "correct": [1], "at": at})
    pq.write_table(table, tmp_path / "a.parquet")
    when = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
    command("import", "responses", "a.parquet", *when, "--timezone", "Europe/Berlin")
    assert rows("SELECT created_at AT TIME ZONE 'Europe/Berlin' FROM user_responses") == [
        (datetime(2024, 7, 1),)
    ]
