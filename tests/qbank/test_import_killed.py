"""kill -9 at random moments of an import, of an undo and of a rescore: whole or not at all."""

from __future__ import annotations

import random
import signal
import time

import pytest

from qbank.postgres import connect
from tests.qbank.killing import wait_for_silence, worker

KILLS = 12
IMPORTS = """
from datetime import UTC, datetime
from pathlib import Path
from qbank.importing import ColumnMap, ImportRequest, NewExam, import_responses
from qbank.importing.rescoring import rescore
from qbank.importing.undoing import undo

def bring(name):
    import_responses(ImportRequest(
        Path(name), "EX", columns=ColumnMap(option="option"), key=Path("key.csv"),
        timestamp=datetime(2024, 6, 1, tzinfo=UTC), new_exam=NewExam(), on_conflict="replace",
    ))

WORK = {"import": bring, "undo": lambda n: undo(int(n)),
    "rescore": lambda name: rescore("EX", Path(name))}
"""
STATE = (
    "SELECT id, user_id, num_questions, started_at, sealed_at FROM quiz_sessions",
    "SELECT quiz_id, question_id, version, position, served_at FROM quiz_items",
    "SELECT quiz_id, question_id, is_correct, is_void, option_label FROM user_responses",
    "SELECT exam_code, question_id, live_version FROM question_publications",
    "SELECT exam_code, question_id, rule, keys FROM scoring_rules_in_force",
    "SELECT kind, source_name FROM import_batches WHERE undone_at IS NULL",
    "SELECT quiz_id, was_correct, is_correct FROM response_history AS h"
    " JOIN import_batches AS b ON b.id = h.import_batch_id WHERE b.undone_at IS NULL",
    "SELECT DISTINCT ON (quiz_id) quiz_id, answered, correct FROM quiz_results"
    " ORDER BY quiz_id, revision DESC",
)
# every second sitting has been looked at, so that its result is kept
RESULTS = """
INSERT INTO quiz_results (quiz_id, answered, correct, theta, model, scale, items)
SELECT s.id, count(*), count(*) FILTER (WHERE r.is_correct), 0, '2pl', 1.7,
    jsonb_agg(jsonb_build_object('question_id', r.question_id, 'version', r.version,
        'correct', r.is_correct, 'a', 1.2, 'b', 0.1 * (r.question_id % 7), 'c', 0))
FROM quiz_sessions AS s JOIN user_responses AS r ON r.quiz_id = s.id
WHERE hashtext(s.id) % 2 = 0 GROUP BY s.id
"""
# an answer without its import, or of one that was undone
STRAY = """
SELECT count(*) FROM user_responses AS r LEFT JOIN import_batches AS b ON b.id = r.import_batch_id
WHERE b.id IS NULL OR b.undone_at IS NOT NULL
"""


def _state():
    wait_for_silence()
    with connect() as connection:
        assert connection.execute(STRAY).fetchone() == (0,)
        digest = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ({}) AS t"
        return [connection.execute(digest.format(query)).fetchone() for query in STATE]


def _newest():
    with connect() as connection:
        newest = "SELECT max(id) FROM import_batches WHERE undone_at IS NULL"
        return connection.execute(newest).fetchone()[0]


@pytest.fixture
def run(settings, tmp_path):
    with worker(IMPORTS, "WORK[words[0]](words[1])", tmp_path) as made:
        yield made


def _answers(people, items, shift):
    lines = ["user_id,question,option"]
    lines += [
        f"u{k},q{n},{'ABCD'[(k * n + shift * (n == 1)) % 4]}"
        for k in range(people)
        for n in range(items)
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["import", "undo", "rescore"])
def test_what_is_killed_happened_or_did_not(run, tmp_path, what):
    (tmp_path / "key.csv").write_text("item,key\n" + "".join(f"q{n},A\n" for n in range(12)))
    (tmp_path / "new.csv").write_text("item,key\nq1,B\nq2,all\nq3,void\n")
    (tmp_path / "first.csv").write_text(_answers(200, 10, 0))
    # new people, new items in sittings that are there, and other answers
    (tmp_path / "second.csv").write_text(_answers(250, 12, 1))
    assert run("import first.csv") == 0
    with connect() as connection:
        connection.execute(RESULTS)
    if what == "undo":
        assert run("import second.csv") == 0
    before = _state()

    def do(seconds=None):
        words = {"import": "second.csv", "rescore": "new.csv"}.get(what) or _newest()
        return run(f"{what} {words}", seconds)

    def take_back():
        again = "import second.csv" if what == "undo" else f"undo {_newest()}"
        assert run(again) == 0
        assert _state() == before

    began = time.monotonic()
    assert do() == 0
    lasts = time.monotonic() - began
    after = _state()
    assert after != before
    take_back()
    moments, killed = random.Random(3), 0  # noqa: S311
    while killed < KILLS:
        status = do(moments.uniform(0, lasts))
        killed += status == signal.SIGKILL
        now = _state()
        assert now in (before, after)
        if now == after:
            take_back()
        elif status == 0:
            pytest.fail("it said that it was done, and it was not")
    assert do() == 0, "and it can be done afterwards"
    assert _state() == after
