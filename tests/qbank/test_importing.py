"""Import: right rows in, nothing twice, nothing by halves."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from qbank.errors import ImportFileError
from qbank.importing import Codes, ColumnMap, ImportRequest, NewExam, import_responses
from qbank.importing import loading as loading_module
from qbank.people import everything_about
from qbank.postgres import connect
from tests.credential import FILE
from tests.qbank.answers import DAY, GOOD, HEADER, rows, size


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
    importer(text, ColumnMap(), timestamp=DAY, codes=Codes(blank="omitted"))
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


def test_a_failure_at_the_end_leaves_nothing(importer, monkeypatch):
    broken = loading_module.RESPONSES + " SELECT 1"
    monkeypatch.setattr(loading_module, "RESPONSES", broken)
    with pytest.raises(Exception, match="syntax error"):
        importer(GOOD)
    for table in ("exams", "questions", "quiz_sessions", "quiz_items", "import_batches"):
        assert size(table) == 0, table
    assert not importer.rejects.exists()


def test_each_tenant_s_answers_go_to_its_own_exam_of_a_code(importer):
    new = importer(GOOD, tenant="one").rows_inserted
    with pytest.raises(ImportFileError, match="of tenant 'one', not 'two'"):
        importer(GOOD, tenant="two", new_exam=None)
    assert importer(GOOD, tenant="two").rows_inserted == new
    by_exam = """SELECT tenant_id, exam_code, count(*) FROM user_responses AS r
        JOIN quiz_sessions AS s ON s.id = r.quiz_id GROUP BY 1, 2 ORDER BY 1"""
    both = [("one", "EX", new), ("two", "EX@two", new)]
    assert rows(by_exam) == both
    # without a tenant a name is a key
    for asked in ({}, {"tenant": "two"}, {"exam_code": "EX@two", "new_exam": None}):
        again = importer(GOOD, **asked)
        assert (again.rows_inserted, again.rows_known) == (0, new)
    assert rows(by_exam) == both
    # a person is told of their institution's exam, and of no key
    sections = [s for s in everything_about("u1", tenant="two").values() if isinstance(s, list)]
    told = [row["exam"] for section in sections for row in section if "exam" in row]
    assert set(told) == {"EX"}


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
@pytest.mark.skipif(FILE is None, reason="the credential data are not here")
def test_a_real_licensure_exam(settings, tmp_path):
    columns = ColumnMap("user", "item", "correct", option="response", time="duration_s")
    columns = columns.with_names(time_unit="s")
    request = ImportRequest(FILE, "LIC", columns, timestamp=DAY, new_exam=NewExam())
    report = import_responses(request)
    assert (report.rows_read, report.rows_inserted) == (294_480, 294_480)
    assert report.new_items == 200
    right = """
        SELECT avg(is_correct::int) FROM user_responses
        JOIN questions ON question_id = questions.id WHERE external_ref = 's1'
    """
    assert float(rows(right)[0][0]) == pytest.approx(0.8930, abs=5e-5)
