"""Files as they come: formats, encodings, wrong rows by line and reason, unusable ones refused."""

from __future__ import annotations

import csv
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qbank.errors import ImportFileError
from qbank.importing import ColumnMap, NewExam
from tests.qbank.answers import DAY, GOOD, HEADER, reasons, rows, size


def test_wrong_rows_go_to_the_rejects_file_with_line_and_reason(importer):
    bad = [
        ",q1,1,A,1,2024-06-01,T",
        "u1,,1,A,1,2024-06-01,T",
        "u1,q1,,A,1,2024-06-01,T",
        "u1,q1,maybe,A,1,2024-06-01,T",
        "u1,q1,1,A;B,1,2024-06-01,T",
        "u1,q2,1,A,-5,2024-06-01,T",
        "u1,,1,A,1,2024-06-01,T",
        "u1,q1,1,A,1,yesterday,T",
        "u1,q1,1,A,1,2999-01-01,T",
        "u1,q1,1,A",
        "u1,q3,1,A,1e12,2024-06-01,T",
        f"{'x' * 201},q1,1,A,1,2024-06-01,T",
        "u1,q9,1,A,1,2024-06-01,T",
        "u1,q9,0,B,1,2024-06-01,T",
        "u1,q1,1,A,1,2024-06-01,T,more",
    ]
    report = importer(HEADER + "\n".join(bad) + "\n")
    assert (report.rows_read, report.rows_missing) == (15, 1)
    assert (report.rows_inserted, report.rows_rejected) == (4, 10)
    expected = {
        2: "user is empty",
        3: "item is empty",
        8: "item is empty",
        5: "correct is 'maybe': use 0 or 1, or say what it stands for with --score, --missing or "
        "--omitted",
        9: "timestamp is 'yesterday': use ISO 8601, or say how it is written with "
        "--timestamp-format",
        10: "timestamp is '2999-01-01': in the future",
        11: "the row has 4 columns, not 7",
        13: f"user '{'x' * 60}' is longer than 200 characters",
        15: "user 'u1' answers item 'q9' already in line 14 of the same sitting: "
        "where people answer twice, map --session-col or --attempt-col, or let row order tell "
        "with --attempt auto",
        16: "the row has 8 columns, not 7: more is beyond",
    }
    assert reasons(importer) == expected
    assert report.blanked == {"option": {"A;B": 1}, "time": {"-5": 1, "1e12": 1}}
    with importer.rejects.open(newline="") as file:
        kept = {int(row["reject_line"]): row for row in csv.DictReader(file)}
    assert list(kept) == sorted(kept)
    assert (kept[5]["correct"], kept[5]["user_id"]) == ("maybe", "u1")
    assert (kept[11]["option"], kept[16]["topic"]) == ("A", "T")


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
    assert reasons(importer) == {5: "item is not UTF-8: name the file's --encoding"}


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
        assert reasons(importer) == {3: "user is empty"}
        assert (report.rows_inserted, report.rows_missing) == (2, 1)
        return
    assert (report.rows_inserted, report.rows_rejected) == (3, 0)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        (HEADER, {}, "none of the 0 rows"),
        (GOOD, {"columns": ColumnMap(user="who")}, "no column 'who' for the user.*--user-col"),
        (GOOD.replace("topic", "at", 1), {}, "has 'at' twice"),
        (GOOD, {"new_exam": None}, "'EX' does not exist: --create-exam"),
        (GOOD, {"exam_code": "a b"}, "give at most 64 letters"),
        (
            GOOD,
            {"new_exam": NewExam(irt_model="4pl")},
            "irt_model is '4pl': give 1pl or 2pl or 3pl",
        ),
        (GOOD, {"new_exam": NewExam(tau=0.0)}, "tau is 0.0: give a number above 0, at most 1"),
        (GOOD.replace("u1", "").replace("u2", ""), {}, "none of the 3 .* line 2: user is empty"),
        (GOOD.encode("utf-16"), {"encoding": "utf-8"}, "encoding"),
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
