"""Import: right rows in, wrong rows out with their line, nothing twice, nothing by halves."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from qbank.errors import ImportFileError
from qbank.importing import ColumnMap, ImportRequest, NewExam, import_responses
from qbank.importing import loading as loading_module
from qbank.postgres import connect

DAY = datetime(2024, 6, 1, tzinfo=UTC)
FULL = ColumnMap(option="option", time="time", timestamp="at", topic="topic")
HEADER = "user_id,question,correct,option,time,at,topic\n"
REAL = Path("/work/shared/data/credential_form1_long.csv.gz")


@pytest.fixture
def importer(settings, tmp_path):
    def run(text, columns=FULL, name="answers.csv", **options):
        path = tmp_path / name
        if isinstance(text, str):
            path.write_text(text, newline="")
        elif isinstance(text, bytes):
            path.write_bytes(text)
        request = {"exam_code": "EX", "new_exam": NewExam(), "rejects": tmp_path / "rejects.csv"}
        return import_responses(ImportRequest(path, columns=columns, **(request | options)))

    run.rejects = tmp_path / "rejects.csv"
    return run


def rows(query, *values):
    with connect() as connection:
        return connection.execute(query, values).fetchall()


def size(table):
    return rows(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))[0][0]


def reasons(importer):
    with importer.rejects.open(newline="") as file:
        return {int(row["line"]): row["reason"] for row in csv.DictReader(file)}


GOOD = (
    HEADER
    + "u1,q1,1,A,1500,2024-06-01T10:00:00Z,Heart\n"
    + "u1,q2,0,b,2500.4,2024-06-01T12:00:30+02:00,Lung\n"
    + "u2,q1,true,a,,2024-06-01 11:00:00,Heart\n"
)


def test_rows_become_quizzes_items_and_responses(importer):
    report = importer(GOOD)
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (3, 3, 0)
    assert report.new_items == 2
    assert report.rejects is None
    got = rows("""
        SELECT r.user_id, q.external_ref, r.is_correct, r.option_label, r.time_taken_ms,
            r.created_at, i.position, t.name, s.selector, s.num_questions, p.live_version
        FROM user_responses AS r
        JOIN quiz_items AS i USING (quiz_id, question_id)
        JOIN quiz_sessions AS s ON s.id = r.quiz_id
        JOIN questions AS q ON q.id = r.question_id
        JOIN question_versions AS v ON v.question_id = q.id AND v.version = r.version
        JOIN topics AS t ON t.id = v.topic_id
        JOIN question_publications AS p ON p.question_id = q.id AND p.exam_code = s.exam_code
        ORDER BY 1, 7
    """)
    at = datetime(2024, 6, 1, 10, tzinfo=UTC)
    assert got == [
        ("u1", "q1", True, "A", 1500, at, 1, "Heart", "fixed", 2, 1),
        ("u1", "q2", False, "B", 2500, at.replace(second=30), 2, "Lung", "fixed", 2, 1),
        ("u2", "q1", True, "A", None, at.replace(hour=11), 1, "Heart", "fixed", 1, 1),
    ]


def test_the_same_file_again_adds_nothing_and_says_so(importer):
    importer(GOOD)
    before = rows("SELECT * FROM quiz_sessions ORDER BY id")
    report = importer(GOOD)
    assert (report.rows_inserted, report.rows_known) == (0, 3)
    assert rows("SELECT * FROM quiz_sessions ORDER BY id") == before
    assert rows("SELECT count(*) FROM import_batches") == [(1,)]


def test_a_file_that_goes_on_adds_what_is_new_behind_it(importer):
    importer(GOOD)
    report = importer(GOOD + "u1,q3,1,C,900,2024-06-01T10:05:00Z,Lung\n")
    assert (report.rows_inserted, report.rows_known, report.new_items) == (1, 3, 1)
    sitting = rows("""
        SELECT q.external_ref, i.position, s.num_questions FROM quiz_items AS i
        JOIN quiz_sessions AS s ON s.id = i.quiz_id JOIN questions AS q ON q.id = i.question_id
        WHERE s.user_id = 'u1' ORDER BY i.position
    """)
    assert sitting == [("q1", 1, 3), ("q2", 2, 3), ("q3", 3, 3)]


def test_wrong_rows_go_to_the_rejects_file_with_line_and_reason(importer):
    bad = [
        ",q1,1,A,1,2024-06-01,T",
        "u1,,1,A,1,2024-06-01,T",
        "u1,q1,,A,1,2024-06-01,T",
        "u1,q1,maybe,A,1,2024-06-01,T",
        "u1,q1,1,AB,1,2024-06-01,T",
        "u1,q1,1,A,-5,2024-06-01,T",
        "u1,q1,1,A,soon,2024-06-01,T",
        "u1,q1,1,A,1,yesterday,T",
        "u1,q1,1,A,1,2999-01-01,T",
        "u1,q1,1,A",
        "u1,q1,1,A,1e12,2024-06-01,T",
        f"{'x' * 201},q1,1,A,1,2024-06-01,T",
        "u1,q9,1,A,1,2024-06-01,T",
        "u1,q9,0,B,1,2024-06-01,T",
    ]
    report = importer(HEADER + "\n".join(bad) + "\n")
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (14, 1, 13)
    expected = {
        2: "user is empty",
        3: "item is empty",
        4: "correct is empty",
        5: "correct is 'maybe': use 0 or 1",
        6: "option is 'AB': use one letter or digit",
        7: "time is '-5': it cannot be negative",
        8: "time is 'soon': use a number",
        9: "timestamp is 'yesterday': use ISO 8601",
        10: "timestamp is '2999-01-01': in the future",
        11: "the row has 4 columns, not 7",
        12: "time is '1e12' ms: longer than 24 days",
        13: f"user '{'x' * 60}' is longer than 200 characters",
        15: "user 'u1' answers item 'q9' already in line 14 of the same sitting: "
        "map --session-col or --attempt-col where people answer twice",
    }
    assert reasons(importer) == expected
    with importer.rejects.open(newline="") as file:
        kept = {int(row["line"]): row for row in csv.DictReader(file)}
    assert kept[5]["correct"] == "maybe"
    assert kept[5]["user_id"] == "u1"


def test_lines_are_those_of_an_editor(importer):
    """Empty lines, quoted line breaks and broken rows do not shift the numbers."""
    text = (
        HEADER
        + 'u1,q1,1,A,1,2024-06-01,"two\nlines"\n'  # lines 2 and 3
        + "\n"  # line 4
        + "u1,q2\n"  # line 5
        + "u1,q3,2,A,1,2024-06-01,T\n"  # line 6
    )
    report = importer(text)
    assert report.rows_inserted == 1
    assert set(reasons(importer)) == {5, 6}


def test_bytes_that_are_not_utf8_spoil_their_row_alone(importer):
    text = GOOD.encode() + b"u3,q\xff,1,A,1,2024-06-01,T\n"
    assert importer(text).rows_inserted == 3
    assert reasons(importer) == {5: "item is not UTF-8"}


def test_a_byte_order_mark_and_another_encoding_are_read(importer):
    assert importer("\ufeff" + GOOD, encoding="utf-8").rows_inserted == 3
    german = GOOD.replace("Lung", "Lunge ä").replace("u1", "u7").encode("latin-1")
    assert importer(german, encoding="latin-1").rows_inserted == 2
    assert rows("SELECT count(*) FROM topics WHERE name = 'Lunge ä'") == [(0,)]  # q2 has its topic


@pytest.mark.parametrize("kind", ["csv.gz", "parquet", "tsv"])
def test_other_formats_give_the_same(importer, tmp_path, kind):
    if kind == "csv.gz":
        report = importer(gzip.compress(GOOD.encode()), name="a.csv.gz")
    elif kind == "tsv":
        report = importer(GOOD.replace(",", "\t"), name="a.tsv")
    else:
        table = pa.table(
            {
                "user_id": pa.array([1, 2, None, 3]),
                "question": ["q1", "q1", "q1", "q1"],
                "correct": [True, False, True, None],
                "option": ["A", None, "A", "A"],
                "time": [1.5, 2.0, 3.0, 1.0],
                "at": pa.array([DAY] * 4),
                "topic": ["T"] * 4,
            }
        )
        pq.write_table(table, tmp_path / "a.parquet")
        report = importer(None, name="a.parquet")
        assert reasons(importer) == {3: "user is empty", 4: "correct is empty"}
        assert report.rows_inserted == 2
        return
    assert (report.rows_inserted, report.rows_rejected) == (3, 0)


def test_files_without_clock_times_need_a_date(importer):
    text = "user_id,question,correct\nu1,q1,1\n"
    with pytest.raises(ImportFileError, match="--timestamp-col, or give all rows one date"):
        importer(text, ColumnMap())
    assert importer(text, ColumnMap(), timestamp=DAY).rows_inserted == 1
    assert rows("SELECT created_at FROM user_responses") == [(DAY,)]


def test_sessions_and_attempts_keep_repeated_answers_apart(importer):
    text = "user_id,question,correct,sitting,try\nu1,q1,0,s1,1\nu1,q1,0,s1,2\nu1,q1,1,s2,1\n"
    columns = ColumnMap(session="sitting", attempt="try")
    assert importer(text, columns, timestamp=DAY).rows_inserted == 3
    assert rows("SELECT count(*) FROM quiz_sessions") == [(3,)]


def test_a_blank_score_may_mean_that_it_was_not_answered(importer):
    text = "user_id,question,correct\nu1,q1,\nu1,q2,1\n"
    importer(text, ColumnMap(), timestamp=DAY, blank_correct_is_omitted=True)
    assert rows("SELECT count(*) FROM quiz_items") == [(2,)]
    assert rows("SELECT count(*) FROM user_responses") == [(1,)]


def test_options_are_made_where_the_key_is_certain(importer):
    text = "user_id,question,correct,option\n" + "".join(
        f"u{k},{item},{correct},{option}\n"
        for k, (item, correct, option) in enumerate(
            [("sure", 1, "A"), ("sure", 0, "B"), ("two", 1, "A"), ("two", 1, "B"), ("none", 0, "C")]
        )
    )
    report = importer(text, ColumnMap(option="option"), timestamp=DAY)
    assert report.unkeyed_items == 2
    got = rows("""
        SELECT q.external_ref, o.option_label, o.is_correct FROM question_options AS o
        JOIN question_versions AS v ON v.id = o.question_version_id
        JOIN questions AS q ON q.id = v.question_id ORDER BY 1, 2
    """)
    assert got == [("sure", "A", True), ("sure", "B", False)]


def test_answers_go_to_the_version_that_is_live(importer):
    importer(GOOD)
    with connect() as connection:
        connection.execute("""
            INSERT INTO question_versions
                (question_id, version, state, stem_md, topic_id, created_by)
            SELECT question_id, 2, 'published', 'new', topic_id, 'x' FROM question_versions
        """)
        connection.execute("UPDATE question_publications SET live_version = 2")
    importer(GOOD.replace("u1", "u8"))
    assert rows("SELECT DISTINCT version FROM user_responses WHERE user_id = 'u8'") == [(2,)]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        (HEADER, {}, "none of the 0 rows"),
        (GOOD, {"columns": ColumnMap(user="who")}, "no column 'who' for the user.*--user-col"),
        (GOOD.replace("topic", "at", 1), {}, "has 'at' twice"),
        (GOOD, {"new_exam": None}, "'EX' does not exist: --create-exam"),
        (GOOD, {"exam_code": "a b"}, "codes have letters"),
        (GOOD, {"new_exam": NewExam(irt_model="4pl")}, "models are 1pl, 2pl, 3pl"),
        (GOOD, {"new_exam": NewExam(tau=0.0)}, "0 < tau <= 1"),
        (GOOD.replace("A", "?").replace("b", "?").replace("a,", "?,"), {}, "none of the"),
        (GOOD.encode("utf-16"), {}, "encoding"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_nothing(importer, text, options, message):
    options = {"timestamp": DAY} | options
    with pytest.raises(ImportFileError, match=message):
        importer(text, **options)
    for table in ("exams", "questions", "topics", "quiz_sessions", "import_batches"):
        assert size(table) == 0, table


def test_truncated_files_are_refused_whole(importer, tmp_path):
    whole = gzip.compress((HEADER + GOOD[len(HEADER) :] * 400).encode())
    with pytest.raises(ImportFileError, match="cannot be read to its end"):
        importer(whole[: len(whole) // 2], name="half.csv.gz")
    (tmp_path / "half.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ImportFileError, match="cannot be read to its end"):
        importer(None, name="half.parquet")
    with pytest.raises(ImportFileError, match="is not a file"):
        importer(None, name="absent.csv")
    assert rows("SELECT count(*) FROM exams") == [(0,)]


def test_a_failure_at_the_end_leaves_nothing(importer, monkeypatch):
    broken = loading_module.RESPONSES + " SELECT 1"
    monkeypatch.setattr(loading_module, "RESPONSES", broken)
    with pytest.raises(Exception, match="syntax error"):
        importer(GOOD)
    for table in ("exams", "questions", "quiz_sessions", "quiz_items", "import_batches"):
        assert size(table) == 0, table
    assert not importer.rejects.exists()


def test_an_exam_of_another_tenant_is_not_written_to(importer):
    importer(GOOD, tenant="one")
    with pytest.raises(ImportFileError, match="of tenant 'one', not 'two'"):
        importer(GOOD, tenant="two")


def test_values_are_data_and_never_sql(importer):
    nasty = "Robert'); DROP TABLE questions;--"
    importer(HEADER + f'"{nasty}","{nasty}",1,A,1,2024-06-01,"{nasty}"\n')
    assert rows("SELECT external_ref FROM questions") == [(nasty,)]


def test_integrity_holds_after_a_load_that_checked_keys_by_set(importer):
    importer(GOOD)
    orphans = """
        SELECT count(*) FROM user_responses AS r
        LEFT JOIN quiz_items AS i USING (quiz_id, question_id)
        LEFT JOIN quiz_sessions AS s ON s.id = r.quiz_id WHERE i.quiz_id IS NULL OR s.id IS NULL
    """
    assert rows(orphans) == [(0,)]
    # and keys are checked again for everybody else
    with pytest.raises(Exception, match="foreign key"):
        rows(
            "INSERT INTO quiz_items (quiz_id, question_id, version, position, selector)"
            " VALUES ('x', 1, 1, 1, 'fixed') RETURNING 1"
        )


@pytest.mark.slow
def test_a_hundred_thousand_rows_stream(importer, tmp_path):
    people, items = 2_000, 50
    table = pa.table(
        {
            "user_id": [f"u{k // items}" for k in range(people * items)],
            "question": [f"q{k % items}" for k in range(people * items)],
            "correct": [k % 3 == 0 for k in range(people * items)],
        }
    )
    pa_csv.write_csv(table, tmp_path / "big.csv")
    report = importer(None, ColumnMap(), name="big.csv", timestamp=DAY)
    assert report.rows_inserted == people * items
    assert rows("SELECT count(*), max(position) FROM quiz_items") == [(people * items, items)]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the research data are not on this machine")
def test_a_real_licensure_exam(settings, tmp_path):
    columns = ColumnMap("user", "item", "correct", option="response", time="duration_s")
    columns = columns.with_names(time_unit="s")
    request = ImportRequest(REAL, "LIC", columns, timestamp=DAY, new_exam=NewExam())
    report = import_responses(request)
    assert (report.rows_read, report.rows_inserted) == (294_480, 294_480)
    assert report.new_items == 200
    right = """
        SELECT avg(is_correct::int) FROM user_responses
        JOIN questions ON question_id = questions.id WHERE external_ref = 's1'
    """
    assert float(rows(right)[0][0]) == pytest.approx(0.8930, abs=5e-5)
