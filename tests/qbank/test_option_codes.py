"""Options that are called by codes of several characters."""

from __future__ import annotations

import csv
import json

import pytest

from qbank.option_labels import LONGEST_LABEL, option_label
from qbank.postgres import connect
from tests.qbank.answers import rows, size

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
ANSWERS = {
    "sum": ["24", "10", "24.0", "3,5"],
    "likert": ["Strongly agree", "strongly  AGREE", "Disagree", "don’t know"],
    "truth": ["true", "Yes", "TRUE", "false"],
    "letters": ["(A)", "A.", "b)", "[a]"],
    "roman": ["ii", "(ii)", "iv", "i."],
    "coded": ["a1", "option 3", "A1", "a2"],
}
RIGHT = {
    "sum": "1010",
    "likert": "1100",
    "truth": "1010",
    "letters": "1101",
    "roman": "1100",
    "coded": "1010",
}
KEY = "item,key\nsum,24\nlikert,Strongly agree\ntruth,True\nletters,A\nroman,II\ncoded,a1\n"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a", "A"),
        ("(A)", "A"),
        ("A.", "A"),
        ("1.0", "1"),
        ("007", "007"),
        ("+3", "3"),
        ("-3", "-3"),
        ("1/2", "1/2"),
        ("50%", "50%"),
        ("Option  3", "OPTION 3"),
        ("e\u0301te\u0301", "ÉTÉ"),
        ("x" * LONGEST_LABEL, "X" * LONGEST_LABEL),
        ("x" * (LONGEST_LABEL + 1), None),
        *((none, None) for none in ("", "*", "?", ".", "()", "A;C", "B/C", "A|C", "A=2", "A,C")),
        *((word, None) for word in ("all", "Points", "void")),
    ],
)
def test_a_label_has_one_spelling(text, label):
    assert option_label(text) == label
    assert label is None or option_label(label) == label


def long_file(folder, name="a.csv", answers=ANSWERS, scores=None):
    lines = [
        f'u{k},{item},"{option}"' + (f",{scores[item][k]}" if scores else "")
        for item, options in answers.items()
        for k, option in enumerate(options)
    ]
    header = "user_id,question,marked" + (",correct" if scores else "")
    (folder / name).write_text("\n".join([header, *lines]))
    return name


@pytest.fixture
def keyed(command, tmp_path):
    def run(*options, key=KEY, **file):
        (tmp_path / "key.csv").write_text(key)
        name = long_file(tmp_path, **file)
        words = (name, *WHEN, "--option-col", "marked", "--key", "key.csv", *options)
        return command("import", "responses", *words)

    return run


def given(column="is_correct::int::text"):
    return dict(
        rows(f"""
        SELECT q.external_ref, array_agg({column} ORDER BY r.user_id)
        FROM user_responses AS r JOIN questions AS q ON q.id = r.question_id GROUP BY 1
        """)  # noqa: S608
    )


def test_codes_are_scored_by_a_key_in_any_spelling(keyed):
    done = keyed("--json")
    assert (done.code, done.err) == (0, "")
    assert given() == {item: list(right) for item, right in RIGHT.items()}
    assert given("option_label::text") == {
        item: [option_label(text) for text in texts] for item, texts in ANSWERS.items()
    }
    said = json.loads(done.out)
    told = next(note for note in said["notes"] if note.startswith("options of several"))
    assert "24 (2), STRONGLY AGREE (2)" in told
    assert (said["blanked"], said["unkeyed_items"]) == ({}, 0)
    assert rows("""
        SELECT o.option_label::text, o.option_text_md, o.is_correct FROM question_options AS o
        JOIN question_versions AS v ON v.id = question_version_id
        JOIN questions AS q ON q.id = v.question_id WHERE q.external_ref = 'sum' ORDER BY 1
    """) == [("10", "10", False), ("24", "24", True), ("3,5", "3,5", False)]
    assert "24 rows read: 0 new, 24 known" in keyed().out


def test_a_matrix_of_codes_has_its_key_in_a_row(command, tmp_path):
    lines = ["id," + ",".join(ANSWERS), "KEY,24,strongly agree,True,(A),II,a1"]
    columns = zip(*ANSWERS.values(), strict=True)
    lines += [f"u{k}," + ",".join(f'"{v}"' for v in values) for k, values in enumerate(columns)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    wide = (*WHEN, "--shape", "wide", "--user-col", "id", "--key-row", "KEY")
    done = command("import", "responses", "a.csv", *wide)
    assert (done.code, done.err) == (0, "")
    assert given() == {item: list(right) for item, right in RIGHT.items()}


def test_codes_beside_scores_are_kept_and_what_is_missing_is_none(command, tmp_path):
    answers = {"sum": ["24", "NA", "CD", "A;C"]}
    name = long_file(tmp_path, answers=answers, scores={"sum": "1000"})
    done = command("import", "responses", name, *WHEN, "--option-col", "marked")
    assert done.code == 0, done.err
    assert given("option_label::text") == {"sum": ["24", None, "CD", None]}
    assert given() == {"sum": ["1", "0", "0", "0"]}
    assert "option left out: A;C 1, NA 1" in done.out or "option left out: NA 1, A;C 1" in done.out


def test_what_may_be_a_double_mark_is_asked(keyed):
    answers = {"q1": ["A", "B", "CD", "A", "A"], "q2": ["1", "2", "12", "2", "2"]}
    key = "item,key\nq1,A\nq2,2\n"
    refused = keyed(key=key, answers=answers)
    assert (refused.code, size("user_responses")) == (2, 0)
    assert "option is 'CD': the key's options are one letter or digit" in refused.err
    assert "--option-codes where options have more" in refused.err
    marked = keyed("--multimark", "CD,12", "--dry-run", key=key, answers=answers)
    assert "multimark 2" in marked.out
    assert keyed("--option-codes", key=key, answers=answers).code == 0
    assert given("option_label::text")["q2"] == ["1", "2", "12", "2", "2"]
    assert given() == {"q1": list("10011"), "q2": list("01011")}


@pytest.mark.parametrize("key", ["AB", "A B", "A-B"])
def test_a_key_that_may_be_two_is_asked(keyed, key):
    answers = {"q1": ["A", "B", "C"]}
    refused = keyed(key=f"item,key\nq1,{key}\n", answers=answers)
    assert refused.code == 2
    assert f"nobody chose the key of item 'q1', {key}, and people chose A, B" in refused.err
    assert "write A|B where each of them is right" in refused.err
    assert size("user_responses") == 0
    done = keyed("--option-codes", key=f"item,key\nq1,{key}\n", answers=answers)
    assert (done.code, given()) == (0, {"q1": list("000")})


def test_a_rescore_an_export_and_an_undo_know_codes(keyed, command, tmp_path):
    keyed()
    (tmp_path / "new.csv").write_text("item,key\nsum,24|10\ncoded,option 3=2|a1=1\n")
    done = command("rescore", "--exam", "EX", "--key", "new.csv", "--why", "two are right")
    assert done.code == 0, done.err
    assert (given()["sum"], given()["coded"]) == (list("1110"), list("0100"))
    command("export", "key", "now.csv", "--exam", "EX")
    command("export", "responses", "all.csv", "--exam", "EX")
    with (tmp_path / "now.csv").open() as file:
        now = {row["item"]: row["key"] for row in csv.DictReader(file)}
    assert (now["sum"], now["coded"], now["likert"]) == (
        "10|24",
        "A1=1|OPTION 3=2",
        "STRONGLY AGREE",
    )
    again = command("rescore", "--exam", "EX", "--key", "now.csv", "--dry-run", "--json")
    assert {item["changed"] for item in json.loads(again.out)["items"]} == {0}
    back = ("--preset", "qbank", "--correct-col", "score", "--max-score-col", "max_score")
    done = command("import", "responses", "all.csv", "--exam", "TWO", "--create-exam", *back)
    assert (done.code, done.err) == (0, "")
    assert rows("SELECT count(*), count(DISTINCT option_label) FROM user_responses") == [(48, 17)]
    for batch in (3, 2, 1):
        assert command("import", "undo", batch).code == 0
    assert size("user_responses") == 0


def test_what_people_wrote_makes_no_list_of_options(keyed):
    answers = {"few": [str(k) for k in range(36)], "many": [str(k) for k in range(37)]}
    done = keyed(key="item,key\nfew,24\nmany,24\n", answers=answers)
    assert done.code == 0, done.err
    assert rows("SELECT count(*) FROM user_responses WHERE is_correct") == [(2,)]
    assert rows("SELECT count(*) FROM question_options") == [(36,)]


def test_the_database_refuses_what_a_key_could_not_say(settings):
    checks = """SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = ANY(ARRAY['question_options_option_label_check',
            'user_responses_option_label_check'])"""
    with connect() as connection:
        told = [row[0] for row in connection.execute(checks).fetchall()]
    assert len(told) == 2
    assert all(str(LONGEST_LABEL) in check for check in told)
