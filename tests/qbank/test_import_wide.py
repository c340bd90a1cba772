"""Matrices: one row per person, one column per item."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.qbank.answers import rows, size

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
WIDE = (*WHEN, "--shape", "wide", "--user-col", "id")


def _matrix():
    return rows("""
        SELECT r.user_id, q.external_ref, r.is_correct::int, i.position FROM user_responses AS r
        JOIN questions AS q ON q.id = r.question_id
        JOIN quiz_items AS i USING (quiz_id, question_id) ORDER BY 1, 4
    """)


def test_each_cell_is_an_answer_in_the_order_of_the_columns(command, tmp_path):
    text = "A title\nid,q1,q2,q3,age\np1,1,0,NA,33\np2,0,1,9,40\np3,1,,1,22\n"
    (tmp_path / "a.csv").write_text(text)
    done = command("import", "responses", "a.csv", *WIDE, "--items", "q*", "--omitted", "9")
    assert (done.code, done.err) == (0, "")
    assert "3 columns are items: q1 to q3" in done.out
    assert "9 rows read: 7 new, 0 known, 0 replaced, 2 missing, 0 rejected" in done.out
    assert _matrix() == [
        ("p1", "q1", 1, 1),
        ("p1", "q2", 0, 2),
        ("p2", "q1", 0, 1),
        ("p2", "q2", 1, 2),
        ("p3", "q1", 1, 1),
        ("p3", "q3", 1, 2),
    ]
    assert size("quiz_items") == 7


BY_ROW = (*WHEN, "--shape", "wide", "--users", "row")


def test_a_matrix_without_persons_has_one_a_row(command, tmp_path):
    (tmp_path / "a.dat").write_text("1 0 1\n0 1 1\n1 9 0\n")
    asked = ("import", "responses", "a.dat", *BY_ROW, "--columns", "q1,q2,q3", "--missing", "9")
    done = command(*asked)
    assert (done.code, done.err) == (0, "")
    assert "each row is a person, named a.dat:LINE" in done.out
    assert [(row[0], row[1], row[2]) for row in _matrix()] == [
        *(("a.dat:1", "q1", 1), ("a.dat:1", "q2", 0), ("a.dat:1", "q3", 1)),
        *(("a.dat:2", "q1", 0), ("a.dat:2", "q2", 1), ("a.dat:2", "q3", 1)),
        *(("a.dat:3", "q1", 1), ("a.dat:3", "q3", 0)),
    ]
    # the same persons in the same file, and others in another
    assert "0 new, 8 known" in command(*asked).out
    (tmp_path / "b.dat").write_text("1 0 1\n")
    again = command("import", "responses", "b.dat", *BY_ROW, "--columns", "q1,q2,q3")
    assert "3 new, 0 known" in again.out


def test_refused_cells_keep_the_person_of_their_row(command, tmp_path):
    (tmp_path / "a.csv").write_text("q1,q2\n1,x\n0,1\n")
    asked = ("import", "responses", "a.csv", *BY_ROW, "--max-rejects", "1")
    assert "3 new" in command(*asked).out
    with (tmp_path / "a.rejects.csv").open(newline="") as file:
        (found,) = csv.DictReader(file)
    assert (found["user_id"], found["question"], found["correct"]) == ("a.csv:2", "q2", "x")


@pytest.mark.parametrize(
    ("header", "options", "why"),
    [
        ("q1,q2", ("--users", "row"), "one of --shape long is an answer"),
        ("q1,q2", (*BY_ROW[-4:], "--user-col", "q1"), "--user-col 'q1' a column that does"),
        ("q1,q2", (*BY_ROW[-4:], "--key-row", "KEY"), "--users row numbers them"),
        ("user_id,q2", BY_ROW[-4:], "the file has a column 'user_id'"),
    ],
)
def test_persons_by_row_are_told_in_one_way(command, tmp_path, header, options, why):
    (tmp_path / "a.csv").write_text(f"{header}\n1,0\n")
    refused = command("import", "responses", "a.csv", *WHEN, *options)
    assert refused.code != 0
    assert why in refused.err
    assert size("user_responses") == 0


def test_refused_cells_are_named_by_line_and_mended_one_by_one(command, tmp_path):
    (tmp_path / "a.csv").write_text("id,q1,q2\np1,1,0\np2,x,1\np1,1,1\np3,1\n")
    refused = command("import", "responses", "a.csv", *WIDE)
    assert "line 3: correct is 'x'" in refused.err
    assert "line 4: user 'p1' answers item 'q1' already in line 2" in refused.err
    done = command("import", "responses", "a.csv", *WIDE, "--max-rejects", "4")
    assert done.code == 0
    with (tmp_path / "a.rejects.2.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [(r["reject_line"], r["id"], r["question"]) for r in found] == [
        ("3", "p2", "q1"),
        ("4", "p1", "q1"),
        ("4", "p1", "q2"),
        ("5", "", ""),
    ]
    assert found[3]["reject_reason"] == "the row has 2 columns, not 3: p3, 1"
    (tmp_path / "b.csv").write_text("id,question,correct\np2,q1,0\n")
    assert "1 new" in command("import", "responses", "b.csv", *WHEN, "--user-col", "id").out


def test_a_matrix_comes_in_cell_by_cell_whatever_its_format(command, tmp_path):
    right = np.random.default_rng(5).random((700, 40)) < np.linspace(0.2, 0.9, 40)
    columns = {f"i{k}": right[:, k].astype(float) for k in range(40)}
    pq.write_table(pa.table({"id": np.arange(700), **columns}), tmp_path / "a.parquet")
    done = command("import", "responses", "a.parquet", *WIDE)
    assert "28000 new" in done.out
    shares = dict(
        rows("""
            SELECT q.external_ref, avg(r.is_correct::int)::float FROM user_responses AS r
            JOIN questions AS q ON q.id = r.question_id GROUP BY 1
        """)
    )
    assert shares == {f"i{k}": pytest.approx(right[:, k].mean()) for k in range(40)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--items", "z*"), "no column is an item like z*"),
        (("--time-col", "q1"), "--time-col 'q1' tells of one answer"),
        (("--user-col", "who"), "no column 'who' for the user"),
        (("--shape", "tall"), "--shape is 'tall': use long or wide"),
    ],
)
def test_what_a_matrix_cannot_have_is_refused(command, tmp_path, options, message):
    (tmp_path / "a.csv").write_text("id,q1,q2\np1,1,0\n")
    refused = command("import", "responses", "a.csv", *WIDE, *options)
    assert (refused.code, size("exams")) == (2, 0)
    assert message in refused.err
