"""A key error that is found after the exam."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qbank.postgres import connect
from tests.qbank.answers import rows, size
from tests.qbank.test_import_keys import ANSWERS, KEY, keyed, scores

__all__ = ["keyed"]


@pytest.fixture
def exam(keyed, command, tmp_path):
    """An exam of four items that was imported by key; ``exam(key)`` rescores it."""
    assert keyed(ANSWERS, KEY, "--multimark", "*").code == 0

    def run(key, *options, exam="EX"):
        (tmp_path / "new.csv").write_text(f"item,key\n{key}")
        return command("rescore", "--exam", exam, "--key", "new.csv", *options)

    return run


def state():
    """All that a rescore may touch."""
    queries = (
        "SELECT quiz_id, question_id, user_id, is_correct, is_void, option_label, time_taken_ms,"
        " created_at, import_batch_id FROM user_responses",
        "SELECT question_id, exam_code, live_version FROM question_publications",
        "SELECT id, num_questions, started_at, sealed_at, expires_at FROM quiz_sessions",
        "SELECT exam_code, question_id, version, rule, keys FROM scoring_rules_in_force",
    )
    return [sorted(rows(query)) for query in queries]


def test_a_changed_key_rescores_what_is_there_and_keeps_what_was(exam):
    done = exam("q1,A\nq4,2\n", "--why", "misprint", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["batch"] == 2
    assert (found["people"], found["sealed_results"]) == (4, 0)
    q1, q4 = found["items"]
    assert (q1["item"], q1["was"], q1["key"]) == ("q1", "B", "A")
    assert (q1["answers"], q1["changed"], q1["without_option"]) == (4, 4, 0)
    assert (q1["p_before"], q1["p_after"]) == (0.75, 0.25)
    assert (q4["changed"], q4["p_before"], q4["p_after"]) == (0, 0.75, 0.75)
    assert scores() == {"q1": "1000", "q2": "1100", "q3": "1111", "q4": "0111"}
    kept = rows("SELECT was_correct, is_correct, changed_by FROM response_history ORDER BY id")
    assert sorted(row[:2] for row in kept) == [(False, True)] + [(True, False)] * 3
    assert kept[0][2].startswith("rescore:")
    rule = rows("SELECT set_by, why FROM scoring_rules_in_force WHERE import_batch_id = 2")
    assert rule[0] == (kept[0][2], "misprint")
    told = rows("SELECT target, details FROM audit_log ORDER BY id DESC LIMIT 1")
    assert told[0][0] == "exam=EX import=2"
    assert told[0][1]["items"]["q1 v1"] == {"was": "B", "key": "A", "changed": 4}
    # the marts hear of it
    assert rows("SELECT count(DISTINCT key) FROM source_changes WHERE kind = 'quiz'") == [(4,)]


def test_a_person_reads_what_changes_before_it_does(exam):
    before = state()
    done = exam("q1,A\n", "--dry-run")
    assert done.code == 0
    assert "0.7500" in done.out
    assert "4 answers of 4 people change" in done.out
    assert "dry run: nothing was written" in done.out
    assert state() == before
    assert "batch 2: qbank import undo 2 takes it back" in exam("q1,A\n").out
    assert "nothing was changed" in exam("q1,A\n").out
    assert rows("SELECT kind, count(*) FROM import_batches GROUP BY 1 ORDER BY 1") == [
        ("import", 1),
        ("rescore", 1),
    ]


@pytest.mark.parametrize("key", ["q1,A", "q1,A|B", "q1,all", "q1,void", "q3,A", "q1,void\nq2,D"])
def test_an_undone_rescore_leaves_what_was_before_it(exam, command, key):
    before = state()
    assert exam(f"{key}\n").code == 0
    assert state() != before
    undone = command("import", "undo", "2")
    assert undone.out.startswith("rescore 2 is undone")
    assert state() == before
    assert "import 2 was undone on" in command("import", "undo", "2").err
    assert exam(f"{key}\n").code == 0  # and it may come again


def test_a_void_item_comes_back_with_a_key(exam):
    live = "SELECT count(*) FROM question_publications"
    exam("q1,void\n")
    assert (rows(live), scores()["q1"]) == ([(3,)], "0111")
    assert rows("SELECT count(*) FROM user_responses WHERE is_void") == [(4,)]
    exam("q1,void\nq2,A\n")  # once more, beside another change
    exam("q1,A\n")
    assert (rows(live), scores()["q1"]) == ([(4,)], "1000")
    assert rows("SELECT count(*) FROM user_responses WHERE is_void") == [(0,)]


def test_a_void_item_that_nobody_answered_comes_back_with_a_key(exam):
    with connect() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM user_responses")
    live = "SELECT count(*) FROM question_publications"
    assert exam("q1,void\n").code == 0
    assert rows(live) == [(3,)]
    done = exam("q1,A\n")
    assert (done.code, rows(live)) == (0, [(4,)]), done.err


def test_an_import_that_replaced_answers_is_undone_after_a_key_that_came_later(
    exam, command, tmp_path
):
    """What it replaced would come back with its score by the key before."""
    (tmp_path / "b.csv").write_text("user_id,question,marked,correct\nu2,q2,A,1\nu3,q2,A,1\n")
    again = ("--exam", "EX", "--timestamp", "2024-06-01", "--option-col", "marked")
    done = command("import", "responses", "b.csv", *again, "--on-conflict", "replace")
    assert done.code == 0, done.err
    assert exam("q2,A|D\n").code == 0  # u3 had D
    before = state()
    assert "import 3 scored item 'q2' since then: qbank import undo 3 first" in (
        command("import", "undo", "2").err
    )
    assert state() == before
    assert command("import", "undo", "3").code == command("import", "undo", "2").code == 0


def test_a_void_item_is_not_live_again_by_an_import(exam, command, tmp_path):
    exam("q1,void\n")
    (tmp_path / "b.csv").write_text("user_id,question,correct\nz1,q1,1\nz1,q2,1\n")
    done = command("import", "responses", "b.csv", "--exam", "EX", "--timestamp", "2024-06-02")
    assert done.code == 0, done.err
    assert rows("SELECT count(*) FROM question_publications") == [(3,)]
    late = "SELECT is_void FROM user_responses WHERE user_id = 'z1' ORDER BY question_id"
    assert rows(late) == [(True,), (False,)]


def test_answers_imported_while_an_item_was_void_count_when_it_is_void_no_more(
    exam, command, tmp_path
):
    exam("q1,void\n")
    (tmp_path / "b.csv").write_text("user_id,question,marked,correct\nz1,q1,A,1\nz2,q2,A,1\n")
    later = ("--exam", "EX", "--timestamp", "2024-06-02", "--option-col", "marked")
    assert command("import", "responses", "b.csv", *later).code == 0
    assert command("import", "undo", "2").code == 0
    late = "SELECT is_correct, is_void FROM user_responses WHERE import_batch_id = 3 ORDER BY id"
    # its file's score stays, though the key says otherwise
    assert rows(late) == [(True, False)] * 2
    kept = "SELECT was_void, is_void FROM response_history WHERE was_import_batch_id = 3"
    assert rows(kept) == [(True, False)]
    assert command("import", "undo", "3").code == 0


def test_rescores_are_undone_in_order(exam, command):
    start = state()
    exam("q1,A\n")
    exam("q1,A|B\n")
    refused = command("import", "undo", "2")
    assert "qbank import undo 3 first" in refused.err
    assert "import 2 replaced answers of import 1" in command("import", "undo", "1").err
    assert command("import", "undo", "3").code == command("import", "undo", "2").code == 0
    assert state() == start
    assert command("import", "undo", "1").code == 0
    assert size("user_responses") == 0


def test_a_rescore_that_changed_no_answer_that_a_later_one_did_is_undone_after_it(exam, command):
    exam("q2,C\n")  # A is wrong now
    exam("q2,C|D\n")  # D is right now: other answers
    assert "scored item 'q2' since then: qbank import undo 3 first" in (
        command("import", "undo", "2").err
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("q8,A\n", "line 2: item 'q8' is no item of exam 'EX'"),
        ("q1,AB\n", "nobody chose the key of q1 (AB)"),
        ("bare,B\n", "no answer to bare has an option"),
    ],
)
def test_what_cannot_be_rescored_is_named(exam, command, tmp_path, key, said):
    (tmp_path / "b.csv").write_text("user_id,question,correct\nu1,bare,1\nu2,bare,0\n")
    command("import", "responses", "b.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    before = state()
    refused = exam(key)
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert state() == before


def test_an_unknown_exam_is_named(exam):
    assert "exam 'NONE' does not exist" in exam("q1,A\n", exam="NONE").err


def test_answers_of_another_exam_and_without_an_option_stay(exam, command, tmp_path):
    (tmp_path / "b.csv").write_text("user_id,question,correct\nz1,q1,1\n")
    command("import", "responses", "b.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    (tmp_path / "c.csv").write_text("user_id,question,correct,option\nz2,q1,0,A\n")
    other = ("--exam", "OTHER", "--create-exam", "--timestamp", "2024-06-01")
    command("import", "responses", "c.csv", *other, "--option-col", "option")
    found = json.loads(exam("q1,A\n", "--json").out)["items"][0]
    assert (found["answers"], found["changed"], found["without_option"]) == (5, 4, 1)
    stay = "SELECT user_id, is_correct FROM user_responses WHERE user_id ^@ 'z' ORDER BY 1"
    assert rows(stay) == [("z1", True), ("z2", False)]


def test_versions_are_rescored_by_name(exam, command, tmp_path):
    with connect() as connection:
        connection.execute("""
            INSERT INTO question_versions
                (question_id, version, state, stem_md, topic_id, created_by)
            SELECT question_id, 2, 'published', 'new', topic_id, 'x' FROM question_versions
            JOIN questions AS q ON q.id = question_id WHERE q.external_ref = 'q1'
        """)
        connection.execute("""
            UPDATE question_publications SET live_version = 2 FROM questions AS q
            WHERE q.id = question_id AND q.external_ref = 'q1'
        """)
    assert "was answered in versions 1, 2: say which in a column version" in exam("q1,A\n").err
    (tmp_path / "v.csv").write_text("item,key,version\nq1,A,1\nq1,D,2\n")
    done = command("rescore", "--exam", "EX", "--key", "v.csv", "--json")
    found = [(i["version"], i["answers"], i["changed"]) for i in json.loads(done.out)["items"]]
    assert found == [(1, 4, 4), (2, 0, 0)]


def test_a_sealed_result_stays_and_has_a_successor(exam, command):
    with connect() as connection:
        connection.execute("""
            INSERT INTO quiz_results (quiz_id, answered, correct, theta, theta_se, model, items)
            SELECT id, 4, 2, 0.5, 0.3, '2pl', '[]' FROM quiz_sessions WHERE user_id = 'u0'
        """)
    results = """SELECT revision, name, answered, correct, theta, theta_se, why, import_batch_id
        FROM quiz_results ORDER BY revision"""
    before = scores()
    told = exam("q1,A\n", "--dry-run")
    assert "1 sealed results of quizzes have a successor, and stay readable" in told.out
    assert size("quiz_results") == 1
    assert exam("q1,A\n", "--why", "misprint").code == 0
    right = sum(score[0] == "1" for score in scores().values())
    first = (1, "sealed", 4, 2, 0.5, 0.3, None, None)
    # what its ability was estimated from is not known
    second = (2, "rescore 2", 4, right, 0.0, None, "misprint", 2)
    assert rows(results) == [first, second]
    assert command("import", "undo", "2").code == 0
    right = sum(score[0] == "1" for score in before.values())
    third = (3, "rescore 2 undone", 4, right, 0.0, None, None, 2)
    assert rows(results) == [first, second, third]


def test_a_void_sitting_is_rescored_and_is_in_no_figure(exam):
    with connect() as connection:
        connection.execute("UPDATE quiz_sessions SET voided_at = now() WHERE user_id = 'u0'")
    # u0 alone chose A
    refused = exam("q1,A\n")
    assert refused.code != 0
    assert "nobody chose the key of q1 (A)" in refused.err
    done = exam("q1,A\n", "--allow-unchosen", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    (q1,) = found["items"]
    assert found["people"] == 3
    assert (q1["answers"], q1["changed"], q1["p_before"], q1["p_after"]) == (3, 3, 1.0, 0.0)
    assert scores()["q1"] == "1000"


def test_a_key_that_nobody_chose_is_refused(exam):
    before = state()
    seen = exam("q1,D\nq3,A\n", "--dry-run")
    assert (seen.code, state()) == (0, before)
    assert "warning: item q1: nobody of 4 chose D, so that by this key everybody is wrong" in (
        seen.err
    )
    refused = exam("q1,D\nq3,A\n")
    assert (refused.code, state()) == (2, before)
    assert "nobody chose the key of q1 (D)" in refused.err
    assert "--allow-unchosen" in refused.err
    assert exam("q1,D\nq3,A\n", "--allow-unchosen").code == 0
    assert scores()["q1"] == "0000"


@pytest.mark.parametrize(("key", "warned"), [("q1,B|D", "nobody chose D"), ("q1,B|A", None)])
def test_a_key_that_nobody_chose_beside_others_is_pointed_out(exam, key, warned):
    done = exam(f"{key}\n")
    assert done.code == 0
    assert (f"warning: item q1: {warned}" in done.err) is (warned is not None)


def test_a_typo_in_the_key_of_an_item_without_answers_is_refused(exam):
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM user_responses")
    assert "nobody chose the key of q1 (Z)" in exam("q1,Z\n").err
    assert exam("q1,A\n").code == 0


def test_a_key_that_separates_worse_is_pointed_out(keyed, command, tmp_path):
    """Item-rest correlations, by numpy: of a good key, and of one that the weak choose."""
    rng = np.random.default_rng(4)
    ability = rng.normal(size=60)
    right = ability[:, None] + rng.normal(size=(60, 8)) > 0
    lines = [f"p{k},q{n},{'A' if right[k, n] else 'B'}" for k in range(60) for n in range(8)]
    key = "item,key\n" + "".join(f"q{n},A\n" for n in range(8))
    assert keyed("user_id,question,marked\n" + "\n".join(lines), key).code == 0
    (tmp_path / "new.csv").write_text("item,key\nq0,B\nq1,all\n")
    done = command("rescore", "--exam", "EX", "--key", "new.csv", "--json")
    found = json.loads(done.out)
    q0, q1 = found["items"]
    after = right.copy()
    after[:, 0], after[:, 1] = ~right[:, 0], True
    for scored, name in ((right, "r_before"), (after, "r_after")):
        rest = scored.sum(axis=1) - scored[:, 0]
        assert q0[name] == pytest.approx(np.corrcoef(scored[:, 0], rest)[0, 1])
    assert q0["r_before"] > 0.2 > -0.2 > q0["r_after"]
    assert q1["r_after"] is None
    assert len(found["warnings"]) == 1
    assert found["warnings"][0].startswith("item q0: who does well in the rest is right less often")
