"""Files are read by what is in them: packing, delimiter, encoding, header, quotes, types."""

from __future__ import annotations

import bz2
import datetime as dt
import decimal
import gzip
import io
import json
import shlex
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qbank.importing import opening
from tests.qbank.answers import rows, size

CASES = Path(__file__).resolve().parents[3] / "shared/data/import-cases"
WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
PLAIN = "user_id,question,correct\nu1,q1,1\nu1,q2,0\n"


def _zipped(text, *names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, text)
    return packed.getvalue()


def _zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


FILES = {
    "gz": gzip.compress(PLAIN.encode()),
    "gz of two members": gzip.compress(PLAIN[:30].encode()) + gzip.compress(PLAIN[30:].encode()),
    "bz2": bz2.compress(PLAIN.encode()),
    "zstd": _zstd(PLAIN.encode()),
    "zip": _zipped(PLAIN, "in/a.csv", "__MACOSX/a.csv"),
    "utf-16": PLAIN.encode("utf-16"),
    "utf-16 without a mark": PLAIN.encode("utf-16-le"),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "pipes": PLAIN.replace(",", "|").encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "named delimiter": b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
    "carriage returns": PLAIN.replace("\n", "\r").encode(),
    "trailing delimiter": PLAIN.replace("\n", ",\n").encode(),
    "header in capitals": PLAIN.replace("user_id,question", "User ID, QUESTION").encode(),
    "title row": b"Exam report 2024,,\n" + PLAIN.encode(),
    "comment": b"# exported by x, y and z\n\n" + PLAIN.encode(),
    "json lines": b'{"user_id": "u1", "question": "q1", "correct": 1}\n'
    b'{"question": "q2", "correct": false, "user_id": "u1"}\n',
    "json": b'[{"user_id": "u1", "question": "q1", "correct": "1"},\n'
    b'{"user_id": "u1", "question": "q2", "correct": 0.0}]',
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_read_by_what_is_in_it(command, tmp_path, kind):
    (tmp_path / "a.dat").write_bytes(FILES[kind])
    done = command("import", "responses", "a.dat", *WHEN)
    assert (done.code, done.err) == (0, "")
    assert rows("""
        SELECT r.user_id, q.external_ref, r.is_correct FROM user_responses AS r
        JOIN questions AS q ON q.id = r.question_id ORDER BY 2
    """) == [("u1", "q1", True), ("u1", "q2", False)]


_LARGE = PLAIN + "u2,q1,1\n" * 500_000
_LINES = '{"user_id": "u1", "question": "q1", "correct": 1}\n' * 30_000
BOMBS = {
    "gz": gzip.compress(_LARGE.encode()),
    "bz2": bz2.compress(_LARGE.encode()),
    "zstd": _zstd(_LARGE.encode()),
    "zip": _zipped(_LARGE, "a.csv"),
    "packed JSON": gzip.compress(_LINES.encode()),
    "JSON": _LINES.encode(),
    "Excel": _zipped(_LARGE, "[Content_Types].xml"),
}


def test_the_bounds_are_those_of_the_docs():
    told = (Path(__file__).resolve().parents[2] / "docs/core/import.md").read_text()
    whole = told.partition("JSON and Excel, which are read whole")
    assert f"{opening.MOST_UNPACKED >> 30} GiB" in whole[0].splitlines()[-1]
    assert f"{opening.MOST_WHOLE >> 20} MiB" in whole[2].splitlines()[0]


@pytest.mark.parametrize("kind", BOMBS)
def test_what_grows_beyond_measure_is_refused_by_name(command, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(opening, "MOST_UNPACKED", 2_000_000)
    monkeypatch.setattr(opening, "MOST_WHOLE", 1_000_000)
    (tmp_path / "a.dat").write_bytes(BOMBS[kind])
    done = command("import", "responses", "a.dat", *WHEN)
    assert done.code == 2
    most = "1,000,000" if "JSON" in kind or kind == "Excel" else "2,000,000"
    assert f"a.dat has more than {most} bytes unpacked: import it in parts" in done.err
    assert size("user_responses") == 0


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("title row", "line 1 is skipped: Exam report 2024"),
        ("named delimiter", "line 1 is skipped: sep=;"),
        ("header in capitals", "column 'User ID' is taken for 'user_id'"),
    ],
)
def test_what_was_skipped_or_matched_is_told(command, tmp_path, kind, told):
    (tmp_path / "a.dat").write_bytes(FILES[kind])
    assert told in command("import", "responses", "a.dat", *WHEN).out


def test_excel_is_read_with_its_numbers_as_they_look(command, tmp_path):
    cells = [("user_id", "question", "correct", "t"), (1, 'q "1"', 1, 1.5), ("007", "q2", 0, 2)]
    sheet = "".join(
        f'<row r="{r}">'
        + "".join(
            f'<c r="{"ABCD"[c]}{r}" t="n"><v>{value}</v></c>'
            if isinstance(value, (int, float))
            else f'<c r="{"ABCD"[c]}{r}" t="inlineStr"><is><t>{value}</t></is></c>'
            for c, value in enumerate(row)
        )
        + "</row>"
        for r, row in enumerate([("a title",), *cells], 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    of_document = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    of_package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(tmp_path / "a.dat", "w") as book:
        book.writestr("[Content_Types].xml", f'<Types xmlns="{of_package}/content-types"/>')
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{of_package}/relationships"><Relationship Id="r1" '
            f'Type="{of_document}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{of_document}"><sheets>'
            '<sheet name="Answers" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{of_package}/relationships"><Relationship Id="r1" '
            f'Type="{of_document}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
        )
    done = command("import", "responses", "a.dat", *WHEN, "--time-col", "t", "--time-unit", "s")
    assert done.code == 0, done.err
    assert "sheet 'Answers' is read" in done.out
    assert "row 1 is skipped: a title" in done.out
    got = rows("SELECT user_id, is_correct, time_taken_ms FROM user_responses ORDER BY 1")
    assert got == [("007", False, 2000), ("1", True, 1500)]


def test_parquet_s_types_keep_their_values(command, tmp_path):
    table = pa.table(
        {
            "user_id": pa.array([1234567890123456789, 7, None]),
            "question": pa.array(["q1", "q1", "q1"]).dictionary_encode(),
            "correct": pa.array([decimal.Decimal("1.00"), decimal.Decimal("0.00"), None]),
            "t": pa.array([dt.timedelta(seconds=3), None, None], pa.duration("us")),
            "at": pa.array([dt.date(2024, 3, 1)] * 3),
            "opt": pa.array([["A"], ["B", "C"], None]),
        }
    )
    pq.write_table(table, tmp_path / "a.dat")
    options = ("--timestamp-col", "at", "--time-col", "t", "--option-col", "opt")
    options += ("--max-rejects", "1")
    done = command("import", "responses", "a.dat", "--exam", "EX", "--create-exam", *options)
    assert done.code == 0, done.err
    got = rows("""
        SELECT user_id, is_correct, time_taken_ms, option_label, created_at::date::text
        FROM user_responses ORDER BY 1
    """)
    assert got == [
        ("1234567890123456789", True, 3000, "A", "2024-03-01"),
        ("7", False, None, None, "2024-03-01"),
    ]


def test_names_that_are_floats_are_whole_numbers_or_refused(command, tmp_path):
    table = pa.table(
        {"user_id": [1.0, 1.2345678901234568e18], "question": ["101.0", "101"], "correct": [1, 0]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    refused = command("import", "responses", "a.parquet", *WHEN)
    assert "line 2: user is a number that was rounded" in refused.err
    command("import", "responses", "a.parquet", *WHEN, "--max-rejects", "1")
    assert rows("SELECT external_ref FROM questions") == [("101",)]
    assert rows("SELECT user_id FROM user_responses") == [("1",)]


def test_numbered_sections_are_no_floats(command, tmp_path):
    (tmp_path / "a.csv").write_text("user_id,question,correct\nu,1.0,1\nu,1.1,1\nu,1,1\n")
    assert "3 new" in command("import", "responses", "a.csv", *WHEN).out


SWALLOWED = {
    "one quote": 'u0,q1,1\nu1,"q1,1\n' + "".join(f"u{k},q2,0\n" for k in range(2, 90)),
    "two quotes": 'u0,q1,1\nu1,"q1,1\nu2,q2,0\nu3,q3",1\n',
    "one quote in a large file": 'u0,q1,1\nu1,"q1,1\n'
    + "".join(f"a longer name {k},question{k % 50},0\n" for k in range(300_000)),
}


@pytest.mark.parametrize("kind", SWALLOWED)
def test_a_stray_quote_takes_no_rows_in(command, tmp_path, kind):
    (tmp_path / "a.csv").write_text("user_id,question,correct\n" + SWALLOWED[kind])
    refused = command("import", "responses", "a.csv", *WHEN)
    assert "a.csv, line 3: a quote opens here and takes in the rows below it" in refused.err
    assert size("questions") == 0


@pytest.mark.parametrize("where", ["last column", "item column", "two quotes"])
def test_a_stray_quote_takes_no_options_in(command, tmp_path, where):
    """Where a key scores what was chosen, no column of scores tells a row from text."""
    lines = [f"u{k},q{k % 3},{'ABC'[k % 3]},{20 + k}" for k in range(3000)]
    if where == "last column":
        lines[57] = 'u57,q0,A,"24'
    else:
        lines[57] = 'u57,"q0,A,24'
    if where == "two quotes":
        lines[61] = 'u61,q1",B,24'
    (tmp_path / "a.csv").write_text("person,item,answer,rt\n" + "\n".join(lines) + "\n")
    (tmp_path / "key.csv").write_text("item,key\nq0,A\nq1,B\nq2,C\n")
    refused = command(
        *("import", "responses", "a.csv", "--exam", "EX", "--create-exam", "--key", "key.csv"),
        *("--user-col", "person", "--item-col", "item", "--option-col", "answer"),
        *("--time-col", "rt", "--timestamp", "2024-06-01", "--max-rejects", "5"),
    )
    assert refused.code == 2
    assert "a.csv, line 59: a quote opens here and takes in the rows below it" in refused.err
    assert rows("SELECT count(*) FROM user_responses") == [(0,)]


def test_quotes_may_be_escaped_or_none(command, tmp_path):
    (tmp_path / "a.csv").write_text('user_id,question,correct\nu1,"say \\"hi\\"",1\nu1,5" nail,0\n')
    command("import", "responses", "a.csv", *WHEN, "--quoting", "backslash")
    names = {name for (name,) in rows("SELECT external_ref FROM questions")}
    assert names == {'say "hi"', '5" nail'}
    (tmp_path / "b.csv").write_text('user_id,question,correct\nu1,"q1,1\nu2,q2,0\n')
    done = command("import", "responses", "b.csv", *WHEN, "--quoting", "none")
    assert "2 new" in done.out


def test_a_line_break_in_a_column_that_is_not_used_does_no_harm(command, tmp_path):
    text = 'user_id,question,correct,note\nu1,q1,1,"first\nsecond, and, third"\nu2,q1,0,ok\n'
    (tmp_path / "a.csv").write_text(text)
    assert "2 new" in command("import", "responses", "a.csv", *WHEN).out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("u1,q1,1\n", (), "where that is no header: --columns names the columns"),
        ("user_id,question,correct,correct\nu,q,1,0\n", (), "has 'correct' twice"),
        ("user_id,User ID,question,correct\nu,v,q,1\n", ("--user-col", "USER_ID"), "twice"),
        ("user_id,question,correct\n", ("--delimiter", ",,"), "',,' is not one character"),
        ("user_id,question,correct\n", ("--encoding", "x-none"), "'x-none' is unknown"),
        (
            "user_id,question,correct\nu,q,1\n",
            ("--user-col", "question", "--item-col", "user_id"),
            "the wrong way round",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_asked(command, tmp_path, text, options, message):
    (tmp_path / "a.csv").write_text(text)
    refused = command("import", "responses", "a.csv", *WHEN, *options)
    assert (refused.code, size("exams")) == (2, 0)
    assert message in refused.err


def test_columns_may_be_named_where_there_is_no_header(command, tmp_path):
    (tmp_path / "a.csv").write_text("u1;q1;1\nu2;q1;0\n")
    columns = ("--columns", "user_id,question,correct", "--delimiter", ";")
    assert "2 new" in command("import", "responses", "a.csv", *WHEN, *columns).out
    (tmp_path / "b.csv").write_text("u1\tq2\t1\n")
    assert "1 new" in command("import", "responses", "b.csv", *WHEN, *columns[:2]).out


def test_a_table_of_the_item_response_warehouse_comes_in_by_its_preset(command, tmp_path):
    (tmp_path / "a.csv").write_text("id,item,resp,rt,date\n1,i1,1,2.5,1709287200\n2,i1,NA,,\n")
    columns = ("--preset", "irw", "--time-col", "rt", "--time-unit", "s")
    columns += ("--timestamp-col", "date", "--timestamp-format", "epoch")
    done = command("import", "responses", "a.csv", "--exam", "EX", "--create-exam", *columns)
    # what was not administered has no time either
    assert "2 rows read: 1 new, 0 known, 0 replaced, 1 missing, 0 rejected" in done.out
    got = rows("SELECT user_id, time_taken_ms, extract(epoch FROM created_at) FROM user_responses")
    assert got == [("1", 2500, 1709287200)]


def test_an_unmapped_column_may_come_twice(command, tmp_path):
    (tmp_path / "a.csv").write_text("user_id,question,correct,x,x\nu,q,1,0,0\n")
    assert "1 new" in command("import", "responses", "a.csv", *WHEN).out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_zipped(PLAIN, "a.csv", "b.csv"), "holds 2 files (a.csv, b.csv)"),
        (gzip.compress(PLAIN.encode())[:-9], "cannot be read to its end"),
        (b"{]\n{", "is no JSON Lines"),
        (b"  \n \n", "is empty"),
    ],
    ids=["two files", "cut short", "no JSON", "blank"],
)
def test_a_file_that_cannot_be_read_is_named(command, tmp_path, data, message):
    (tmp_path / "a.dat").write_bytes(data)
    refused = command("import", "responses", "a.dat", *WHEN)
    assert (refused.code, size("exams")) == (2, 0)
    assert f"a.dat {message}" in refused.err


def test_a_dry_run_shows_what_would_be_done_and_does_nothing(command, tmp_path):
    (tmp_path / "a.csv").write_text("User_ID,question,correct\nu1,q1,1\nu2,q1,?\nu3,q1,NA\n")
    options = (*WHEN, "--dry-run")
    refused = command("import", "responses", "a.csv", *options)
    assert refused.code == 2
    done = command("import", "responses", "a.csv", *options, "--max-rejects", "1")
    assert done.code == 0
    assert "user is User_ID, item is question, correct is correct" in done.out
    assert "3 rows read: 1 new, 0 known, 0 conflicting, 1 missing, 1 rejected" in done.out
    assert "rejected by item: q1 1" in done.out
    assert "people: 1, items: 1" in done.out
    assert "a night estimates items (2pl) that 200 people or more answered" in done.out
    assert "none of these yet, 1 people at most did" in done.out
    assert "a test of the exam has 25 items, and it would have 1 in all" in done.out
    assert (
        "a test of"
        not in command(
            "import", "responses", "a.csv", *options, "--max-rejects", "1", "--test-length", "1"
        ).out
    )
    report = json.loads(
        command("import", "responses", "a.csv", *options, "--max-rejects", "1", "--json").out
    )
    assert [(row["user_id"], row["is_correct"]) for row in report["preview"]] == [("u1", True)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    for table in ("exams", "questions", "user_responses", "import_batches"):
        assert size(table) == 0, table


# what each of the shared files gives, with the options that say what cannot be found out
SHARED = {
    "backslash.csv": (3, 0, "--quoting backslash"),
    "binary_bad.parquet": (1, 1, ""),
    "bom.csv": (2, 0, ""),
    "case_header.csv": (1, 0, ""),
    "comment_hash.csv": (1, 0, ""),
    "corrects.csv": (15, 17, ""),
    "cr_only.csv": (2, 0, ""),
    "crlf_quoted_newline.csv": (1, 2, ""),
    "date32.parquet": (2, 0, "--timestamp-col at"),
    "dates.csv": (11, 22, "--timestamp-col at"),
    "decimal.parquet": (2, 0, ""),
    "dict_int8.parquet": (2, 0, ""),
    "dup_header.csv": (0, 0, ""),
    "epoch_int.parquet": (2, 0, "--timestamp-col at --timestamp-format epoch"),
    "excel.xlsx": (2, 0, ""),
    "footer.csv": (2, 1, ""),
    "formula.csv": (0, 1, ""),
    "gz_named_csv.csv": (2, 0, ""),
    "inch_quote.csv": (2, 0, ""),
    "jsonl.jsonl": (1, 0, ""),
    "latin1.csv": (1, 1, ""),
    "list_opt.parquet": (2, 0, "--option-col opt"),
    "moodle_long.csv": (3, 0, "--timestamp-col at --time-col took --score 'Partially correct=0'"),
    "nbsp.csv": (1, 1, ""),
    "nfc_nfd.csv": (3, 0, ""),
    "no_header.csv": (2, 0, "--columns user_id,question,correct"),
    "nul.csv": (1, 1, ""),
    "nullable_pandas.parquet": (2, 1, ""),
    "ok.csv.bz2": (2, 0, ""),
    "ok.csv.gz": (2, 0, ""),
    "ok.csv.zip": (2, 0, ""),
    "ok.csv.zst": (2, 0, ""),
    "options.csv": (16, 0, "--option-col opt"),
    "pipe.txt": (1, 0, ""),
    "ragged.csv": (2, 2, ""),
    "rasch_omits.csv": (40, 0, "--option-col opt"),
    "semicolon_decimal_comma.csv": (2, 0, "--time-col seconds --time-unit s"),
    "spaces.csv": (1, 0, ""),
    "stray_quote.csv": (0, 0, ""),
    "time32.parquet": (2, 0, "--time-col t"),
    "times.csv": (18, 0, "--time-col t"),
    "title_row.csv": (1, 0, ""),
    "trailing_comma.csv": (2, 0, ""),
    "truncated.csv.gz": (0, 0, ""),
    "two_members.csv.gz": (3, 0, ""),
    "utf16.csv": (2, 0, ""),
    "zeros.csv": (2, 0, ""),
}


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared files are not here")
def test_each_shared_file_gives_what_it_must(command):
    found = {}
    for number, (name, (_, rejected, options)) in enumerate(SHARED.items()):
        when = ("--exam", f"E{number}", "--create-exam")
        if "--timestamp-col" not in options:
            when += ("--timestamp", "2024-06-01")
        done = command(
            "import",
            "responses",
            CASES / name,
            *when,
            *shlex.split(options),
            "--max-rejects",
            rejected,
            "--json",
        )
        report = json.loads(done.out) if done.out else {"rows_rejected": 0, "batch": None}
        brought = report["rows_inserted"] if report["batch"] else 0
        found[name] = (brought, report["rows_rejected"], options)
    assert found == SHARED
