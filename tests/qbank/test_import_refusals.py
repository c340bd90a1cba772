"""No answer is lost because of how it was given, and an import that would lose some stops."""

from __future__ import annotations

import numpy as np
import pytest

from tests.qbank.answers import rows, size

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")


RIGHT = np.random.default_rng(7).random((60, 12)) < 0.55


@pytest.fixture
def exam(tmp_path):
    """Writes 60 people's answers to 12 items; `write` gets (person, item, right) of each."""

    def make(write, header="user_id,question,correct,opt"):
        lines = [
            write(person, item + 1, bool(RIGHT[person, item]))
            for person in range(60)
            for item in range(12)
        ]
        (tmp_path / "a.csv").write_text("\n".join([header, *lines]) + "\n")
        return tmp_path / "a.csv"

    return make


def _shares():
    return {
        item: float(share)
        for item, share in rows("""
            SELECT q.external_ref, avg(r.is_correct::int) FROM user_responses AS r
            JOIN questions AS q ON q.id = r.question_id GROUP BY 1
        """)
    }


def test_items_scored_by_two_points_stop_the_import_by_name(command, exam):
    file = exam(lambda p, i, right: f"u{p},b{i},{2.0 * right if i > 9 else int(right)},A")
    refused = command("import", "responses", file, *WHEN, "--max-rejects", 10_000)
    assert refused.code == 2
    assert "the score '2.0', at items b10, b11, b12: say what it stands for" in refused.err
    assert size("user_responses") == 0
    done = command("import", "responses", file, *WHEN, "--score", "2=1")
    assert "720 new" in done.out
    assert _shares() == {f"b{i + 1}": pytest.approx(RIGHT[:, i].mean()) for i in range(12)}


def test_partial_credit_is_no_full_mark_without_a_word(command, tmp_path):
    (tmp_path / "a.csv").write_text("user_id,question,correct\nu1,q,1\nu2,q,2\nu3,q,0\nu1,r,2\n")
    refused = command("import", "responses", "a.csv", *WHEN, "--score", "2=1")
    assert "item q has more than one score that counts as right" in refused.err
    done = command("import", "responses", "a.csv", *WHEN, "--score", "2=1", "--score", "1=0")
    assert "4 new" in done.out
    assert rows("SELECT user_id FROM user_responses WHERE is_correct ORDER BY 1") == [
        ("u1",),
        ("u2",),
    ]


@pytest.mark.parametrize("option", ["C;D", "*", "?", "all"])
def test_an_option_that_cannot_be_used_never_costs_an_answer(command, exam, option):
    file = exam(lambda p, i, right: f"u{p},b{i},{int(right)},{'A' if right else option}")
    done = command("import", "responses", file, *WHEN, "--option-col", "opt")
    assert done.code == 0
    assert "720 new" in done.out
    assert f"option left out: {option} " in done.out
    assert rows("SELECT DISTINCT option_label FROM user_responses WHERE NOT is_correct") == [
        (None,)
    ]


def test_rows_that_are_refused_because_wrong_stop_the_import(command, exam):
    def write(p, i, right):
        at = "soon" if not right and p % 5 == 0 else "2024-06-01"
        return f"u{p},b{i},{int(right)},{at}"

    file = exam(write, header="user_id,question,correct,at")
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at", "--max-rejects", 10_000)
    refused = command("import", "responses", file, *options)
    assert refused.code == 2
    assert "0.0% of the right answers are refused and" in refused.err
    assert "rejected by score: wrong" in refused.out
    assert size("user_responses") == 0


def test_rows_that_are_refused_at_one_item_stop_the_import(command, exam):
    def write(p, i, right):
        return f"u{p},b{i},{int(right)},{'soon' if i == 7 and p % 2 else '2024-06-01'}"

    file = exam(write, header="user_id,question,correct,at")
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at", "--max-rejects", 10_000)
    refused = command("import", "responses", file, *options)
    assert "not spread over the items: b7 (30 of 60)" in refused.err
    assert "rejected by item: b7 30" in refused.out


def test_rows_that_are_refused_at_random_do_not(command, exam, tmp_path):
    chance = np.random.default_rng(3)

    def write(p, i, right):
        at = "soon" if chance.random() < 0.05 else "2024-06-01"
        return f"u{p},b{i},{int(right)},{at}"

    file = exam(write, header="user_id,question,correct,at")
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
    refused = command("import", "responses", file, *options)
    assert (refused.code, size("user_responses")) == (2, 0)
    assert "--max-rejects is 0 (line " in refused.err
    done = command("import", "responses", file, *options, "--max-rejects", 60)
    assert done.code == 0
    lines = (tmp_path / "a.rejects.2.csv").read_text().count("\n")
    assert size("user_responses") + lines - 1 == 720


def test_codes_say_why_there_is_no_score(command, tmp_path):
    answers = ["1", "0.0", "1.00", "NA", ".", "", "NULL", "nan", "9", "-1", "*", "R", "TRUE", "99"]
    text = "user_id,question,correct\n" + "".join(f"u{k},q,{a}\n" for k, a in enumerate(answers))
    (tmp_path / "a.csv").write_text(text)
    codes = ("--missing", "99", "--omitted", "9,-1", "--multimark", "*", "--score", "R=1")
    done = command("import", "responses", "a.csv", *WHEN, *codes)
    assert "14 rows read: 8 new, 0 known, 0 replaced, 6 missing, 0 rejected" in done.out
    assert "special scores: missing 6, omitted 2, multimark 1" in done.out
    right = rows("SELECT user_id FROM user_responses WHERE is_correct ORDER BY 1")
    assert right == [("u0",), ("u11",), ("u12",), ("u2",)]
    assert rows("SELECT user_id FROM user_responses WHERE NOT is_correct ORDER BY 1") == [
        ("u1",),
        ("u10",),
    ]
    assert (size("quiz_items"), size("user_responses")) == (8, 6)


def test_codes_given_twice_are_refused(command, tmp_path):
    (tmp_path / "a.csv").write_text("user_id,question,correct\nu,q,1\n")
    refused = command("import", "responses", "a.csv", *WHEN, "--missing", "9", "--omitted", "9.0")
    assert "the score '9' is given as missing and as omitted" in refused.err
    refused = command("import", "responses", "a.csv", *WHEN, "--score", "R")
    assert "--score is 'R': write VALUE=1 or VALUE=0" in refused.err


def test_times_are_read_as_they_are_written_or_left_out(command, tmp_path):
    times = {"12.5": 12500, "1:23": 83000, "00:01:23": 83000, "11 mins 24 secs": 684000}
    times |= {"PT83S": 83000, '"12,5"': 12500, "12s": 12000, "0": 0, "NA": None, "-5": None}
    times |= {"1e400": None, '"1,234"': None, "": None}
    text = "user_id,question,correct,t\n" + "".join(f"u{k},q,1,{t}\n" for k, t in enumerate(times))
    (tmp_path / "a.csv").write_text(text)
    done = command("import", "responses", "a.csv", *WHEN, "--time-col", "t", "--time-unit", "s")
    assert done.code == 0
    got = rows("SELECT time_taken_ms FROM user_responses ORDER BY substr(user_id, 2)::int")
    assert [ms for (ms,) in got] == list(times.values())
    assert "time left out: NA 1, -5 1, 1e400 1, 1,234 1" in done.out


def test_dates_are_read_where_they_are_certain(command, tmp_path):
    dates = {
        "2024-03-01 10:00:00": "2024-03-01 10:00:00",
        "2024-03-01T10:00:00+05:30": "2024-03-01 04:30:00",
        "2024-03-01 10:00:00 UTC": "2024-03-01 10:00:00",
        "20240301T100000": "2024-03-01 10:00:00",
        "19 April 2022 7:19 PM": "2022-04-19 19:19:00",
        "March 1 2024": "2024-03-01 00:00:00",
        "19 April 2022  7:19\u202fPM": "2022-04-19 19:19:00",
        "2024-03-01  10:00:00": "2024-03-01 10:00:00",
    }
    unread = ["01/03/2024 10:00", "1709287200", "2024", "2024-03", "2024-02-30", "45352.4167"]
    text = "user_id,question,correct,at\n"
    text += "".join(f"u{k},q,1,{at}\n" for k, at in enumerate([*dates, *unread]))
    (tmp_path / "a.csv").write_text(text)
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
    done = command("import", "responses", "a.csv", *options, "--max-rejects", len(unread))
    assert "rejected by reason: timestamp cannot be read 6" in done.out
    got = rows("""
        SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
        FROM user_responses ORDER BY user_id
    """)
    assert [at for (at,) in got] == list(dates.values())


@pytest.mark.parametrize(
    ("form", "value"), [("%d/%m/%Y %H:%M", "01/03/2024 10:00"), ("epoch", "1709287200")]
)
def test_other_dates_are_read_by_their_format(command, tmp_path, form, value):
    (tmp_path / "a.csv").write_text(f"user_id,question,correct,at\nu,q,1,{value}\n")
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at")
    refused = command("import", "responses", "a.csv", *options)
    assert "--timestamp-format" in refused.err
    done = command("import", "responses", "a.csv", *options, "--timestamp-format", form)
    assert done.code == 0
    assert rows("SELECT extract(epoch FROM created_at)::int FROM user_responses") == [(1709287200,)]


def test_local_times_are_those_of_their_zone_and_days_end_at_its_midnight(command, tmp_path):
    times = ["2024-06-01 23:50", "2024-06-02 01:50", "20240602T030000+0000"]
    times.append("2024-06-02  03:00  +00:00")
    text = "user_id,question,correct,at\n" + "".join(f"u,q{k},1,{t}\n" for k, t in enumerate(times))
    (tmp_path / "a.csv").write_text(text)
    options = ("--exam", "EX", "--create-exam", "--timestamp-col", "at", "--timezone")
    refused = command("import", "responses", "a.csv", *options, "Berlin")
    assert "--timezone 'Berlin' is unknown" in refused.err
    done = command("import", "responses", "a.csv", *options, "America/New_York")
    assert done.code == 0, done.err
    got = rows("""
        SELECT to_char(r.created_at AT TIME ZONE 'UTC', 'DD HH24:MI') FROM user_responses AS r
        JOIN questions AS q ON q.id = r.question_id ORDER BY q.external_ref
    """)
    assert [at for (at,) in got] == ["02 03:50", "02 05:50", "02 03:00", "02 03:00"]
    sittings = rows("SELECT num_questions FROM quiz_sessions ORDER BY started_at")
    assert sittings == [(3,), (1,)]


def test_a_date_in_the_future_is_refused_for_a_whole_file(command, tmp_path):
    (tmp_path / "a.csv").write_text("user_id,question,correct\nu,q,1\n")
    done = command(
        "import", "responses", "a.csv", "--exam", "E", "--create-exam", "--timestamp", "2999-01-01"
    )
    assert "--timestamp 2999-01-01 is in the future" in done.err


def test_names_are_compared_in_one_form_and_numbers_keep_their_zeros(command, tmp_path):
    items = ["caf\u00e9", "cafe\u0301", "Caf\u00e9", "\u00a0q1\u00a0", "q1", "0012", "12"]
    text = "user_id,question,correct\n" + "".join(f"u{k},{i},1\n" for k, i in enumerate(items))
    (tmp_path / "a.csv").write_text(text)
    command("import", "responses", "a.csv", *WHEN)
    got = {name for (name,) in rows("SELECT external_ref FROM questions")}
    assert got == {"caf\u00e9", "Caf\u00e9", "q1", "0012", "12"}


@pytest.mark.parametrize("item", ["q\u200b", "q\x01", '"q\n1"', "1.23457E+11"])
def test_names_that_nobody_can_tell_apart_are_refused(command, tmp_path, item):
    (tmp_path / "a.csv").write_text(f"user_id,question,correct\nu,{item},1\nu,q2,1\n")
    refused = command("import", "responses", "a.csv", *WHEN)
    assert refused.code == 2
    assert "line 2: item '" in refused.err
    assert size("questions") == 0
