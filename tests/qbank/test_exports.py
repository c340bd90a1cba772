"""What an exam has, out to a file, and back."""

from __future__ import annotations

import csv
import stat

import numpy as np
import pyarrow.parquet as pq
import pytest

from qbank.postgres import connect
from tests.qbank.answers import rows

ANSWERS = '''user_id,question,marked,ms,at,topic
ann,"q ""1""",A,1500,2024-06-01T10:00:00.25Z,"Heart, lung"
ann,q2,C,,2024-06-01T10:01:00Z,Lung
ann,q3,-,,2024-06-01T10:02:00Z,Lung
bob,"q ""1""",B,2500,2024-06-01T11:00:00Z,"Heart, lung"
bob,q2,A,900,2024-06-02T11:00:30Z,Lung
cid,q3,D,700,2024-06-02T11:00:30Z,Lung
'''
KEY = 'item,key\n"q ""1""",A\nq2,A|C\nq3,void\n'
FACTS = """
SELECT s.user_id, q.external_ref, i.position, i.served_at, r.option_label, r.is_correct,
    r.time_taken_ms, r.created_at, t.name, s.started_at, s.sealed_at, s.num_questions
FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
JOIN questions AS q ON q.id = i.question_id
JOIN question_versions AS v ON (v.question_id, v.version) = (i.question_id, i.version)
JOIN topics AS t ON t.id = v.topic_id
LEFT JOIN user_responses AS r ON (r.quiz_id, r.question_id) = (i.quiz_id, i.question_id)
ORDER BY 1, 2, 4
"""


@pytest.fixture
def exam(command, tmp_path):
    (tmp_path / "a.csv").write_text(ANSWERS)
    (tmp_path / "key.csv").write_text(KEY)
    done = command(
        *("import", "responses", "a.csv", "--exam", "EX", "--create-exam", "--key", "key.csv"),
        *("--option-col", "marked", "--time-col", "ms", "--timestamp-col", "at"),
        *("--topic-col", "topic", "--omitted", "-"),
    )
    assert done.code == 0, done.err


def emptied():
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("""
            TRUNCATE user_responses, quiz_items, quiz_sessions, question_publications, questions,
                question_versions, question_options, topics, import_batches, scoring_rules,
                response_history, exams, question_publication_history CASCADE
        """)
    assert rows("SELECT count(*) FROM exams") == [(0,)]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_responses_come_back_the_same(exam, command, name):
    facts = rows(FACTS)
    assert len(facts) == 6
    done = command("export", "responses", name, "--exam", "EX")
    assert (done.code, done.err) == (0, "")
    assert f"{name}: 6 rows, columns user_id, question, is_correct" in done.out
    emptied()
    back = ("--create-exam", "--preset", "qbank", "--blank-correct", "omitted")
    done = command("import", "responses", name, "--exam", "EX", *back)
    assert "6 rows read: 6 new" in done.out, done.err
    assert rows(FACTS) == facts


def test_each_row_of_a_matrix_is_its_persons(command, tmp_path):
    """Sittings are many enough that Arrow groups them in another order than they came in."""
    people, items = 700, 12
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 2, (people, items))
    names = [f"p{k:04}" for k in rng.permutation(people)]
    head = ",".join(["id", *(f"i{k:02}" for k in range(items))])
    body = [",".join([name, *map(str, row)]) for name, row in zip(names, scores, strict=True)]
    (tmp_path / "m.csv").write_text("\n".join([head, *body]) + "\n")
    wide = ("--shape", "wide", "--user-col", "id", "--timestamp", "2024-06-01")
    assert command("import", "responses", "m.csv", "--exam", "EX", "--create-exam", *wide).code == 0
    command("export", "responses", "out.csv", "--exam", "EX", "--shape", "wide")
    with (tmp_path / "out.csv").open(newline="") as file:
        out = list(csv.DictReader(file))
    told = {row["user_id"]: [int(row[f"i{k:02}"]) for k in range(items)] for row in out}
    assert told == dict(zip(names, scores.tolist(), strict=True))


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_matrix_comes_back_the_same_without_options_and_times(exam, command, tmp_path, name):
    scores = "SELECT user_id, external_ref, is_correct FROM user_responses AS r JOIN questions AS q"
    before = rows(f"{scores} ON q.id = r.question_id ORDER BY 1, 2, 3")
    command("export", "responses", name, "--exam", "EX", "--shape", "wide")
    if name == "out.csv":
        with (tmp_path / name).open(newline="") as file:
            table = list(csv.reader(file))
        assert table[0][3:] == ['q "1"', "q2", "q3"]
        found = sorted((row[0], *row[3:]) for row in table[1:])
        assert found == [
            ("ann", "1", "1", "9"),
            ("bob", "", "1", ""),
            ("bob", "0", "", ""),
            ("cid", "", "", "0"),
        ]
    emptied()
    wide = ("--shape", "wide", "--session-col", "quiz_id", "--timestamp-col", "created_at")
    done = command(
        "import", "responses", name, "--exam", "EX", "--create-exam", *wide, "--omitted", "9"
    )
    assert done.code == 0, done.err
    assert rows(f"{scores} ON q.id = r.question_id ORDER BY 1, 2, 3") == before
    assert rows("SELECT count(*) FROM quiz_items") == [(6,)]


def test_the_warehouse_s_format_comes_back(exam, command, tmp_path):
    command("export", "responses", "irw.csv", "--exam", "EX", "--shape", "irw")
    with (tmp_path / "irw.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 4  # without what is void or was not answered
    first = next(row for row in found if row["rt"] == "1.500")
    assert (first["id"], first["item"], first["resp"]) == ("ann", 'q "1"', "1")
    assert float(first["date"]) == 1717236000.25
    done = command(
        *("import", "responses", "irw.csv", "--exam", "IRW", "--create-exam", "--preset", "irw"),
        *("--time-col", "rt", "--time-unit", "s", "--timestamp-col", "date"),
        *("--timestamp-format", "epoch"),
    )
    assert "4 rows read: 4 new" in done.out, done.err


def test_a_key_comes_back_with_who_set_it(exam, command, tmp_path):
    command("export", "key", "now.csv", "--exam", "EX")
    with (tmp_path / "now.csv").open(newline="") as file:
        found = {row["item"]: (row["key"], row["version"]) for row in csv.DictReader(file)}
    assert found == {'q "1"': ("A", "1"), "q2": ("A|C", "1"), "q3": ("void", "1")}
    assert "nothing was changed" in command("rescore", "--exam", "EX", "--key", "now.csv").out


def test_parameters_and_exposure_are_exported(exam, command, tmp_path):
    with connect() as connection:
        connection.execute("""
            INSERT INTO item_calibration (exam_code, question_id, version, model, a, b, se_a,
                n_respondents, converged)
            SELECT 'EX', id, 1, '2pl', 1.25, -0.5, 0.1, 300, true FROM questions
        """)
        connection.execute("""
            INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p, updated_by)
            SELECT 'EX', id, 1, 0.25, 'me' FROM questions
        """)
    command("export", "parameters", "p.parquet", "--exam", "EX")
    found = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert [row["item"] for row in found] == ['q "1"', "q2", "q3"]
    assert {(r["a"], r["b"], r["se_a"], r["se_b"], r["scaling_constant"]) for r in found} == {
        (1.25, -0.5, 0.1, None, 1.7)
    }
    command("export", "exposure", "e.csv", "--exam", "EX")
    with (tmp_path / "e.csv").open(newline="") as file:
        assert [(row["sh_p"], row["updated_by"]) for row in csv.DictReader(file)] == [
            ("0.25", "me")
        ] * 3


def test_responses_are_for_their_owner_alone_and_over_no_file(exam, command, tmp_path):
    command("export", "responses", "out.csv", "--exam", "EX")
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600
    before = (tmp_path / "out.csv").read_text()
    again = command("export", "responses", "out.csv", "--exam", "EX")
    assert (again.code, "out.csv is there already" in again.err) == (2, True)
    assert (tmp_path / "out.csv").read_text() == before
    assert not list(tmp_path.glob(".export-*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("responses", "o.csv", "--exam", "NONE"), "exam 'NONE' does not exist"),
        (("parameters", "o.csv", "--exam", "EX"), "exam 'EX' has no parameters"),
        (("responses", "none/o.csv", "--exam", "EX"), "none is no folder: make it first"),
        (("responses", "o.csv", "--exam", "EX", "--shape", "tall"), "use long or wide or irw"),
    ],
)
def test_what_cannot_be_exported_is_named_and_leaves_no_file(exam, command, tmp_path, words, said):
    refused = command("export", *words)
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert not (tmp_path / "o.csv").exists()
