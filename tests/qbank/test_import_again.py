"""Second administrations, corrected files, mended rejects, and taking an import back."""

from __future__ import annotations

import csv
import json
import stat

import pytest
from psycopg import sql

from qbank.postgres import connect
from tests.qbank.answers import rows, size

HEADER = "user_id,question,correct\n"
YEAR1 = HEADER + "u1,q1,0\nu1,q2,1\nu2,q1,1\nu2,q2,0\n"
RESCORED = HEADER + "u1,q1,1\nu1,q2,0\nu2,q1,1\nu2,q2,0\n"
YEAR2 = HEADER + "u1,q1,1\nu1,q2,1\nu1,q3,1\nu2,q1,0\nu2,q2,1\n"
RETAKE = "user_id,question,correct,sess\nu1,q1,0,s1\nu1,q1,1,s2\nu1,q2,1,s1\n"


@pytest.fixture
def bring(command, tmp_path):
    def run(text, *options, name="a.csv", on="2023-06-01"):
        if text is not None:
            (tmp_path / name).write_text(text)
        when = ("--exam", "EX", "--create-exam", "--timestamp", on)
        return command("import", "responses", name, *when, *options)

    return run


def _scores():
    return rows("""
        SELECT r.user_id, q.external_ref, r.is_correct::int FROM user_responses AS r
        JOIN questions AS q ON q.id = r.question_id ORDER BY 1, 2, 3
    """)


@pytest.mark.parametrize("second", [{"on": "2024-06-01"}, {"sitting": "2024"}])
def test_a_second_administration_is_a_sitting_of_its_own(bring, second):
    bring(YEAR1)
    options = ("--sitting", second.pop("sitting")) if "sitting" in second else ()
    done = bring(YEAR2, *options, name="b.csv", **second)
    assert "5 new, 0 known" in done.out
    assert (size("user_responses"), size("quiz_sessions")) == (9, 4)
    again = bring(YEAR2, *options, name="b.csv", **second)
    assert "0 new, 5 known" in again.out


def test_a_sitting_from_before_days_told_them_apart_goes_on(bring):
    bring(YEAR1)
    with connect() as connection:
        # as an earlier version made them: the key of a sitting without clock times was "all"
        connection.execute("SET session_replication_role = replica")
        connection.execute("""
            CREATE TEMP TABLE old AS SELECT id, encode(substring(sha256(convert_to(
                json_build_array('import', tenant_id, exam_code, user_id, 'all')::text, 'UTF8'))
                FOR 16), 'hex')::uuid::text AS earlier FROM quiz_sessions
        """)
        for table, column in (
            ("quiz_sessions", "id"),
            ("quiz_items", "quiz_id"),
            ("user_responses", "quiz_id"),
        ):
            rename = "UPDATE {0} AS t SET {1} = o.earlier FROM old AS o WHERE t.{1} = o.id"
            connection.execute(
                sql.SQL(rename).format(sql.Identifier(table), sql.Identifier(column))
            )
    assert "0 new, 4 known" in bring(YEAR1).out
    assert "5 new, 0 known" in bring(YEAR2, name="b.csv", on="2024-06-01").out


def test_a_corrected_file_is_a_conflict_by_name(bring):
    bring(YEAR1)
    refused = bring(RESCORED, name="b.csv")
    assert refused.code == 2
    assert "2 known, 2 conflicting" in refused.out
    assert "line 2: user 'u1' has item 'q1' as 0, the file says 1" in refused.err
    assert "--on-conflict replace" in refused.err
    assert _scores() == [("u1", "q1", 0), ("u1", "q2", 1), ("u2", "q1", 1), ("u2", "q2", 0)]


def test_a_corrected_file_replaces_and_keeps_what_was(bring):
    bring(YEAR1)
    done = bring(RESCORED, "--on-conflict", "replace", name="b.csv")
    assert (done.code, "2 known, 2 replaced" in done.out) == (0, True)
    assert _scores() == [("u1", "q1", 1), ("u1", "q2", 0), ("u2", "q1", 1), ("u2", "q2", 0)]
    kept = "SELECT was_correct, is_correct, was_import_batch_id, import_batch_id, changed_by"
    found = rows(f"{kept} FROM response_history ORDER BY id")
    assert [row[:4] for row in found] == [(False, True, 1, 2), (True, False, 1, 2)]
    assert found[0][4].startswith("import:")
    # the marts hear of it
    told = "SELECT count(DISTINCT key) FROM source_changes WHERE kind = 'quiz'"
    assert rows(told) == [(1,)]
    with pytest.raises(Exception, match="append-only"):
        rows("UPDATE response_history SET was_correct = true RETURNING 1")


def test_an_answer_that_the_file_says_was_not_given_is_withdrawn_and_comes_back(bring):
    bring(YEAR1)
    omitted = YEAR1.replace("u1,q1,0", "u1,q1,9")
    options = ("--omitted", "9", "--on-conflict", "replace")
    refused = bring(omitted, *options[:2], name="b.csv")
    assert "has item 'q1' as 0, the file says not answered" in refused.err
    bring(omitted, *options, name="b.csv")
    assert (size("user_responses"), size("quiz_items")) == (3, 4)
    assert bring(omitted, *options, name="b.csv").out.startswith("4 rows read: 0 new, 4 known")


def _state():
    """All that an import may touch, without what a new row has of its own."""
    queries = (
        "SELECT id, num_questions, started_at, sealed_at, expires_at FROM quiz_sessions",
        "SELECT quiz_id, question_id, version, position, served_at, import_batch_id"
        " FROM quiz_items",
        "SELECT quiz_id, question_id, user_id, is_correct, option_label, time_taken_ms,"
        " created_at, import_batch_id FROM user_responses",
        "SELECT question_id, exam_code, live_version FROM question_publications",
    )
    return [sorted(rows(query)) for query in queries]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (YEAR2, ()),
        (YEAR2, ("--on-conflict", "replace")),
        (RESCORED, ("--on-conflict", "replace")),
        (YEAR1.replace("q1,0", "q1,9"), ("--omitted", "9", "--on-conflict", "replace")),
        (YEAR1 + "u3,q9,1\nu1,q9,9\n", ("--omitted", "9")),
    ],
)
def test_an_undone_import_leaves_what_was_before_it(bring, command, text, options):
    bring(YEAR1)
    before = _state()
    on = "2023-06-01" if options else "2024-06-01"
    done = bring(text, *options, name="b.csv", on=on)
    assert done.code == 0, done.err
    assert _state() != before
    undone = command("import", "undo", 2)
    assert undone.out.startswith("import 2 is undone")
    assert _state() == before
    assert "import 2 was undone on" in command("import", "undo", 2).err
    assert bring(text, *options, name="b.csv", on=on).code == 0  # and it may come again


def test_an_import_whose_answers_were_replaced_is_undone_after_the_other(bring, command):
    bring(YEAR1)
    bring(RESCORED, "--on-conflict", "replace", name="b.csv")
    refused = command("import", "undo", 1)
    assert "import 2 replaced answers of import 1: qbank import undo 2 first" in refused.err
    assert command("import", "undo", 2).code == command("import", "undo", 1).code == 0
    assert [size(t) for t in ("quiz_sessions", "quiz_items", "user_responses")] == [0, 0, 0]
    assert size("question_publications") == 0


def test_imports_are_listed_and_shown(bring, command):
    bring(YEAR1)
    bring(YEAR2, name="b.csv", on="2024-06-01")
    listed = json.loads(command("import", "list", "--exam", "EX", "--json").out)
    assert [(b["batch"], b["source_name"], b["rows_inserted"]) for b in listed] == [
        (2, "b.csv", 5),
        (1, "a.csv", 4),
    ]
    shown = json.loads(command("import", "show", "1", "--json").out)
    assert shown["mapping"]["columns"]["user"] == "user_id"
    assert (shown["mapping"]["day"], shown["responses"]) == ("2023-06-01", 4)
    assert "q" not in command("import", "list", "--exam", "none").err
    assert "there is no import 7: qbank import list" in command("import", "show", "7").err


def test_a_retake_mended_as_advised_never_comes_twice(bring, command):
    refused = bring(RETAKE)
    assert "in line 2 of the same sitting: where people" in refused.err
    assert size("user_responses") == 0
    assert "3 new" in bring(RETAKE, "--session-col", "sess").out


def test_row_order_tells_repeated_answers_apart(bring):
    text = HEADER + "u1,q1,0\nu1,q1,0\nu1,q2,1\nu1,q1,1\nu2,q1,1\n"
    done = bring(text, "--attempt", "auto")
    assert "5 new" in done.out
    assert size("quiz_sessions") == 4
    again = bring(text + "u2,q1,0\n", "--attempt", "auto", name="b.csv")
    assert "1 new, 5 known" in again.out


def test_a_file_under_another_mapping_is_refused_until_it_is_undone(bring, command):
    bring(RETAKE, "--max-rejects", "1")
    assert size("user_responses") == 2
    refused = bring(RETAKE, "--session-col", "sess")
    assert "as batch 1, and otherwise: session was none, not sess" in refused.err
    assert size("user_responses") == 2
    # the refused row kept its session, so that it can be mended
    assert "1 new" in bring(None, "--session-col", "sess", name="a.rejects.csv").out
    assert size("user_responses") == 3


def test_rejects_can_be_mended_any_number_of_times(bring, command, tmp_path):
    def mended(name, old, new):
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new))

    before = HEADER + "u1,q1,yes!\nu2,q1,no!\nu3,q1,1\n"
    bring(before, "--max-rejects", "2")
    mended("a.rejects.csv", "yes!", "1")
    bring(None, "--max-rejects", "2", name="a.rejects.csv")
    mended("a.rejects.2.csv", "no!", "0")
    bring(None, "--max-rejects", "2", name="a.rejects.2.csv")
    assert _scores() == [("u1", "q1", 1), ("u2", "q1", 0), ("u3", "q1", 1)]
    assert (tmp_path / "a.csv").read_text() == before
    with (tmp_path / "a.rejects.2.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [
            "user_id",
            "question",
            "correct",
            "reject_line",
            "reject_reason",
        ]


def test_rejects_take_no_other_file_s_place(bring, tmp_path):
    bad = HEADER + "u1,q1,?\nu2,q1,1\n"
    refused = bring(bad, "--rejects", "a.csv")
    assert "--rejects a.csv is there already" in refused.err
    assert (tmp_path / "a.csv").read_text() == bad
    bring(bad, name="a.x.csv")
    bring(bad, name="a.y.csv")
    names = {path.name for path in tmp_path.glob("*.rejects.csv")}
    assert names == {"a.x.rejects.csv", "a.y.rejects.csv"}
    assert stat.S_IMODE((tmp_path / "a.x.rejects.csv").stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".rejects-*"))


def test_rejects_are_sorted_by_line_whenever_they_were_found(bring, tmp_path):
    bring(HEADER + "u1,q1,1\nu1,q1,0\nu2,q1,?\nu2,q2,1\nu2,q2,1\nu3\n", "--max-rejects", "9")
    with (tmp_path / "a.rejects.csv").open(newline="") as file:
        found = [(int(r["reject_line"]), r["user_id"]) for r in csv.DictReader(file)]
    assert found == [(3, "u1"), (4, "u2"), (6, "u2"), (7, "u3")]
