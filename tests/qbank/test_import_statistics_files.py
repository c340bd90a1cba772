"""SPSS and Stata files come in with one command, and what they declare missing is no answer."""

from __future__ import annotations

import datetime as dt
import struct

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from tests.qbank.answers import rows, size

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
LONG = pd.DataFrame(
    {
        "User": [101.0, 102.0, 103.0, 104.0],
        "question": ["q1", "q1", "Größe", "q1"],
        "correct": [1.0, 0.0, 1.0, np.nan],
        "at": [dt.datetime(2024, 3, day, 9, 30) for day in (1, 2, 3, 4)],
    }
)
COLUMNS = ("--exam", "EX", "--create-exam", "--user-col", "user", "--timestamp-col", "at")
ANSWERS = "SELECT user_id, is_correct FROM user_responses ORDER BY user_id"


def _spss(path, frame, **options):
    pyreadstat.write_sav(frame, str(path), **options)


def _stata(path, frame, **options):
    pyreadstat.write_dta(frame, str(path), **options)


def _old_stata(path, frame):
    frame.to_stata(path, write_index=False, version=114)


WRITERS = {
    "sav": _spss,
    "zsav": lambda path, frame: _spss(path, frame, compress=True),
    "dta": _stata,
    "dta of release 10": _old_stata,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_is_read_by_what_is_in_it(command, tmp_path, kind):
    frame = LONG.replace("Größe", "q2") if kind == "dta of release 10" else LONG
    WRITERS[kind](tmp_path / "a.dat", frame)
    done = command("import", "responses", "a.dat", *COLUMNS)
    assert (done.code, done.err) == (0, "")
    assert "4 rows read: 3 new, 0 known, 0 replaced, 1 missing, 0 rejected" in done.out
    assert rows(ANSWERS) == [("101", True), ("102", False), ("103", True)]
    assert rows("SELECT max(created_at)::text FROM user_responses") == [("2024-03-03 09:30:00+00",)]
    if kind != "dta of release 10":
        assert ("Größe",) in rows("SELECT external_ref FROM questions")


SCORES = pd.DataFrame({"user_id": ["u1", "u2", "u3", "u4"], "question": "q1"})


def _with_declared(tmp_path, kind):
    if kind == "sav":
        frame = SCORES.assign(correct=[1.0, 0.0, 9.0, 8.0])
        _spss(tmp_path / "a.sav", frame, missing_ranges={"correct": [{"lo": 8, "hi": 9}]})
        return tmp_path / "a.sav", "9"
    frame = SCORES.assign(correct=[1.0, 0.0, "o", "n"])
    _stata(tmp_path / "a.dta", frame, missing_user_values={"correct": ["o", "n"]})
    return tmp_path / "a.dta", ".o"


@pytest.mark.parametrize("kind", ["sav", "dta"])
def test_what_is_declared_missing_is_no_answer_and_is_told(command, tmp_path, kind):
    path, _ = _with_declared(tmp_path, kind)
    done = command("import", "responses", path.name, *WHEN)
    assert (done.code, done.err) == (0, "")
    assert "4 rows read: 2 new, 0 known, 0 replaced, 2 missing, 0 rejected" in done.out
    told = "8 to 9" if kind == "sav" else ".n, .o"
    assert f"{told} is declared missing in correct" in done.out
    assert rows(ANSWERS) == [("u1", True), ("u2", False)]


@pytest.mark.parametrize("kind", ["sav", "dta"])
def test_an_option_gives_what_is_declared_missing_a_meaning(command, tmp_path, kind):
    path, omitted = _with_declared(tmp_path, kind)
    done = command("import", "responses", path.name, *WHEN, "--omitted", omitted)
    assert (done.code, done.err) == (0, "")
    assert "3 new" in done.out
    served = "SELECT s.user_id FROM quiz_items JOIN quiz_sessions AS s ON s.id = quiz_id"
    assert rows(f"{served} ORDER BY 1") == [("u1",), ("u2",), ("u3",)]
    assert rows(ANSWERS) == [("u1", True), ("u2", False)]


def test_an_item_that_nobody_was_given_is_no_answer_of_anybody(command, tmp_path):
    """Letters alone, which could be read as words for wrong and right."""
    people = [f"u{k}" for k in range(6)]
    frame = pd.DataFrame({"id": people, "q1": [1.0, 0.0] * 3, "q2": "n", "q3": ["y", np.nan] * 3})
    _stata(tmp_path / "a.dta", frame, missing_user_values={"q2": ["n"], "q3": ["y"]})
    wide = ("--shape", "wide", "--user-col", "id", "--items", "q*")
    done = command("import", "responses", "a.dta", *WHEN, *wide)
    assert (done.code, done.err) == (0, "")
    assert "18 rows read: 6 new, 0 known, 0 replaced, 12 missing, 0 rejected" in done.out
    assert ".n is declared missing in q2" in done.out
    assert ".y is declared missing in q3" in done.out


def test_a_file_that_does_not_tell_its_rows_is_read_to_its_end(command, tmp_path, monkeypatch):
    _spss(tmp_path / "a.sav", LONG)
    data = bytearray((tmp_path / "a.sav").read_bytes())
    assert struct.unpack_from("<i", data, 80) == (len(LONG),)
    struct.pack_into("<i", data, 80, -1)
    (tmp_path / "a.sav").write_bytes(data)
    monkeypatch.setattr("qbank.importing.statistics_files._CELLS", 2 * len(LONG.columns))
    done = command("import", "responses", "a.sav", *COLUMNS)
    assert (done.code, done.err) == (0, "")
    assert "4 rows read: 3 new" in done.out


def test_a_moment_may_be_declared_missing(command, tmp_path):
    never = dt.date(1900, 1, 1)
    days = [dt.date(2024, 3, 1), never, None, dt.date(2024, 3, 4)]
    frame = LONG.assign(correct=1.0, day=days)
    # SPSS counts seconds from the first day of its calendar
    moments = {"day": dt.datetime.combine(never, dt.time()), "at": LONG["at"][1]}
    since = dt.datetime(1582, 10, 14)
    declared = {name: [(moment - since).total_seconds()] for name, moment in moments.items()}
    _spss(tmp_path / "a.sav", frame, missing_ranges=declared)
    _, about = pyreadstat.read_sav(str(tmp_path / "a.sav"), user_missing=True)
    assert about.missing_ranges.keys() == {"day", "at"}
    done = command("import", "responses", "a.sav", *COLUMNS, "--max-rejects", "1")
    assert (done.code, done.err) == (0, "")
    assert "4 rows read: 3 new, 0 known, 0 replaced, 0 missing, 1 rejected" in done.out
    rejects = (tmp_path / "a.sav.rejects.csv").read_text()
    assert "102" in rejects


def test_a_matrix_in_parts_is_the_same_as_in_one(command, tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    people, items = 50, 8
    scores = rng.integers(0, 2, (people, items)).astype(float)
    scores[rng.random((people, items)) < 0.2] = 9
    frame = pd.DataFrame(scores, columns=[f"q{k}" for k in range(items)])
    frame.insert(0, "id", [f"p{k:02}" for k in range(people)])
    declared = {name: [9] for name in frame.columns[1:]}
    _spss(tmp_path / "a.sav", frame, missing_ranges=declared)
    monkeypatch.setattr("qbank.importing.statistics_files._CELLS", 7 * (items + 1))
    wide = ("--shape", "wide", "--user-col", "id", "--items", "q*")
    done = command("import", "responses", "a.sav", *WHEN, *wide)
    assert (done.code, done.err) == (0, "")
    assert f"{people * items} rows read" in done.out
    assert "9 is declared missing in q0, q1, q2 and 5 more" in done.out
    right, answered = (scores == 1).sum(axis=0), (scores != 9).sum(axis=0)
    assert rows("""
        SELECT q.external_ref, count(*) FILTER (WHERE r.is_correct), count(*)
        FROM user_responses AS r JOIN questions AS q ON q.id = r.question_id GROUP BY 1 ORDER BY 1
    """) == [(f"q{k}", right[k], answered[k]) for k in range(items)]


@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_a_file_that_is_cut_short_is_named_and_leaves_nothing(command, tmp_path, suffix):
    {"sav": _spss, "dta": _stata}[suffix](tmp_path / "whole", LONG)
    data = (tmp_path / "whole").read_bytes()
    for share in (0.1, 0.5, 0.95):
        (tmp_path / f"a.{suffix}").write_bytes(data[: int(share * len(data))])
        refused = command("import", "responses", f"a.{suffix}", *COLUMNS)
        assert (refused.code, size("exams")) == (2, 0)
        assert f"a.{suffix} cannot be read to its end" in refused.err
