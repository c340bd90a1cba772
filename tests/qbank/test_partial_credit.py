"""Answers that have part of an item's marks: by points in the file, or by options of a key."""

from __future__ import annotations

import csv
import json

import pytest

from qbank.stores import exam_states
from tests.qbank.answers import rows

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
# o1 is right or wrong, p1 gives 0, 1 or 2 points
POINTS = "user_id,question,correct\n" + "".join(
    f"u{k},o1,{right}\nu{k},p1,{points}\n"
    for k, (right, points) in enumerate(zip("11010", ("2", "1", "0", "2.0", "1.5"), strict=True))
)
MARKED = "user_id,question,marked\n" + "".join(
    f"u{k},k1,{a}\nu{k},k2,{b}\n" for k, (a, b) in enumerate(zip("ABCAB", "DDCDC", strict=True))
)


@pytest.fixture
def load(command, tmp_path):
    """``load(text, *options)`` imports a file of responses."""

    def run(text, *options, name="a.csv"):
        (tmp_path / name).write_text(text)
        return command("import", "responses", name, *WHEN, *options)

    return run


def key(tmp_path, text, name="key.csv"):
    (tmp_path / name).write_text(f"item,key\n{text}")
    return ("--key", name)


def stored(item):
    """Right (1) or wrong (0), points and most points of the answers to an item."""
    found = rows(
        """SELECT r.is_correct::integer, trim_scale(r.score)::text, trim_scale(r.max_score)::text
        FROM user_responses AS r JOIN questions AS q ON q.id = r.question_id
        WHERE q.external_ref = %s ORDER BY r.user_id""",
        item,
    )
    return [" ".join("-" if part is None else str(part) for part in row) for row in found]


def rules():
    return rows("""
        SELECT q.external_ref, scoring_text(s.rule, s.keys, s.credit, s.max_score)
        FROM scoring_rules_in_force AS s JOIN questions AS q ON q.id = s.question_id ORDER BY 1
    """)


PARTLY = ["1 2 2", "0 1 2", "0 0 2", "1 2 2", "0 1.5 2"]
DICHOTOMOUS = ["1 - -", "1 - -", "0 - -", "1 - -", "0 - -"]


def test_points_are_kept_beside_right_and_wrong(load):
    done = load(POINTS, "--max-score", "p1=2")
    assert (done.code, done.err) == (0, "")
    assert stored("p1") == PARTLY
    assert stored("o1") == DICHOTOMOUS
    assert rules() == [("p1", "points=2")]
    assert "10 rows read: 0 new, 10 known" in load(POINTS).out, "by the rule that is in force"
    later = load("user_id,question,correct\nv,p1,1\nv,o1,1\n", name="later.csv")
    assert (later.code, stored("p1")[-1], stored("o1")[-1]) == (0, "0 1 2", "1 - -")


def test_points_of_a_matrix_and_of_a_column_that_tells_the_most(load, command):
    matrix = "id,o1,p1\n" + "".join(
        f"u{k},{right},{points}\n"
        for k, (right, points) in enumerate(zip("11010", ("2", "1", "0", "2", "1.5"), strict=True))
    )
    wide = ("--shape", "wide", "--user-col", "id")
    assert load(matrix, *wide, "--max-score", "p*=2").code == 0
    assert (stored("p1"), stored("o1")) == (PARTLY, DICHOTOMOUS)
    command("import", "undo", "1")
    assert stored("p1") == []
    header, *lines = POINTS.splitlines()
    told = [f"{header},out of", *(f"{ln},{'2' if ',p1,' in ln else ''}" for ln in lines)]
    assert load("\n".join(told), "--max-score-col", "Out of").code == 0
    assert (stored("p1"), stored("o1")) == (PARTLY, DICHOTOMOUS)
    two = load("\n".join([*told, "v,p1,1,3"]), "--max-score-col", "out of", name="two.csv")
    assert two.code == 2
    assert "item 'p1' has max_score 2 and 3: an item has one" in two.err


@pytest.mark.parametrize(
    ("bad", "options", "told"),
    [
        ("v,p1,3\n", ["--max-score", "p1=2"], "correct is '3': item 'p1' gives at most 2; --max-s"),
        ("v,p1,most\n", ["--max-score", "p1=2"], "correct is 'most': points of item 'p1' are 0 to"),
        ("v,p1,-1\n", ["--max-score", "p1=2"], "correct is '-1': points of item 'p1' are 0 to 2;"),
        ("", ["--max-score", "q7=2"], "--max-score q7=…: the file has no such item"),
        ("", ["--max-score", "p1=0"], "--max-score is 'p1=0': write 2, or 'q1=2' for some items"),
        ("", ["--score", "2=1"], "item p1 has more than one score that counts as right"),
    ],
)
def test_what_is_no_number_of_points_is_named_with_its_remedy(load, bad, options, told):
    text = POINTS.replace("1.5", "1") + bad
    refused = load(text, *options)
    assert refused.code == 2
    assert told in refused.err
    assert rows("SELECT count(*) FROM user_responses") == [(0,)]


def test_items_scored_0_and_2_alone_are_right_or_wrong_either_way(load, command):
    """Nobody has part of the marks: --score 2=1 and --max-score say the same of is_correct."""
    text = "user_id,question,correct\n" + "".join(f"u{k},b17,{2 * (k % 2)}\n" for k in range(40))
    refused = load(text)
    assert refused.code == 2
    assert "the score '2', at item b17: say what it stands for with --score 2=1" in refused.err
    assert "--max-score ITEM=N" in refused.err
    assert load(text, "--max-score", "2").code == 0
    right = "SELECT avg(is_correct::int)::float8, avg(score)::float8 FROM user_responses"
    assert rows(right) == [(0.5, 1.0)]
    with_parts = "SELECT count(*) FROM user_responses WHERE score > 0 AND score < max_score"
    assert rows(with_parts) == [(0,)]
    command("import", "undo", "1")
    assert load(text, "--score", "2=1").code == 0
    assert rows(right) == [(0.5, None)]


def test_words_and_shares_of_marks_come_in_as_points(load):
    text = "user_id,question,correct\na,q,Correct\nb,q,Partially correct\nc,q,Incorrect\nd,q,*\n"
    said = ("--score", "Partially correct=0.5", "--max-score", "1", "--multimark", "*")
    assert load(text, *said).code == 0
    assert stored("q") == ["1 1 1", "0 0.5 1", "0 0 1", "0 0 1"]


def test_a_key_may_give_part_of_the_marks(load, tmp_path):
    done = load(MARKED, "--option-col", "marked", *key(tmp_path, "k1,A=2|B=1\nk2,D\n"))
    assert (done.code, done.err) == (0, "")
    assert stored("k1") == ["1 2 2", "0 1 2", "0 0 2", "1 2 2", "0 1 2"]
    assert stored("k2") == DICHOTOMOUS
    assert rules() == [("k1", "A=2|B=1"), ("k2", "D")]
    again = load(MARKED, "--option-col", "marked", *key(tmp_path, 'k1,"B=1,A=2"\nk2,D\n'))
    assert "0 new, 10 known" in again.out
    other = load(MARKED, "--option-col", "marked", *key(tmp_path, "k1,A=2\nk2,D\n"))
    assert other.code == 2
    assert "k1 has A=2|B=1, not A=2" in other.err


def test_choices_and_open_answers_come_in_one_file(load, tmp_path):
    """Letters are scored by the key, and points of the others stand beside them."""
    matrix = "id,k1,essay\nu0,A,6\nu1,B,2.5\nu2,,0\n"
    wide = ("--shape", "wide", "--user-col", "id", "--blank-correct", "omitted")
    done = load(matrix, *wide, *key(tmp_path, "k1,A\nessay,points=6\n"))
    assert (done.code, done.err) == (0, "")
    assert stored("essay") == ["1 6 6", "0 2.5 6", "0 0 6"]
    assert stored("k1") == ["1 - -", "0 - -"]
    long = "user_id,question,marked,correct\nv,k1,A,\nv,essay,,3\n"
    assert load(long, "--option-col", "marked", *key(tmp_path, "k1,A\nessay,points=6\n")).code == 0
    assert (stored("essay")[-1], stored("k1")[-1]) == ("0 3 6", "1 - -")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("k1,A=2|B", ["k1", "A=2|B=1"]),
        ("k1,A=2|C=0", ["k1", "A=2"]),
        ("k1,A=x", "'X' is no number of points"),
        ("k1,A=0", "it gives no points; use void"),
        ("k1,points", "say how many points it gives, like points=2"),
        ("k1,A=2|A=1", "use an option's label"),
    ],
)
def test_keys_with_points_are_read_or_named(load, tmp_path, line, told):
    text = "user_id,question,marked\nu0,k1,A\nu1,k1,B\n"
    done = load(text, "--option-col", "marked", *key(tmp_path, f"{line}\n"))
    if isinstance(told, str):
        assert done.code == 2
        assert told in done.err
    else:
        assert rules() == [tuple(told)]


def test_a_column_of_a_key_file_tells_the_most(load, tmp_path):
    (tmp_path / "key.csv").write_text("Item,Key,Max score\nk1,A,2\nk2,,3\n")
    text = "user_id,question,marked,correct\nu0,k1,A,\nu0,k2,,2\n"
    assert load(text, "--option-col", "marked", "--key", "key.csv").code == 0
    assert (stored("k1"), stored("k2")) == (["1 2 2"], ["0 2 3"])
    assert rules() == [("k1", "A=2"), ("k2", "points=3")]


def test_a_rescore_changes_points_with_history_and_is_taken_back(load, command, tmp_path):
    load(MARKED, "--option-col", "marked", *key(tmp_path, "k1,A=2|B=1\nk2,D\n"))
    before = stored("k1"), stored("k2"), rules()
    command("rescore", "--exam", "EX", *key(tmp_path, "k1,A=2|C=1.5\n", "new.csv"), "--json")
    told = json.loads(
        command("rescore", "--exam", "EX", "--key", "key.csv", "--json", "--dry-run").out
    )
    item = next(item for item in told["items"] if item["item"] == "k1")
    assert (item["was"], item["key"], item["changed"]) == ("A=2|C=1.5", "A=2|B=1", 3)
    assert (item["p_before"], item["p_after"]) == (0.4, 0.4)
    assert (item["share_before"], item["share_after"]) == (0.55, 0.6)
    assert stored("k1") == ["1 2 2", "0 0 2", "0 1.5 2", "1 2 2", "0 0 2"]
    kept = """SELECT trim_scale(was_score)::text, trim_scale(score)::text FROM response_history
        ORDER BY quiz_id, id"""
    assert sorted(rows(kept)) == [("0", "1.5"), ("1", "0"), ("1", "0")]
    # whoever says no points gives all that the item has
    command("rescore", "--exam", "EX", *key(tmp_path, "k1,all\nk2,D=1|C=0.5\n", "all.csv"))
    assert stored("k1") == ["1 2 2"] * 5
    assert stored("k2") == ["1 1 1", "1 1 1", "0 0.5 1", "1 1 1", "0 0.5 1"]
    assert rules() == [("k1", "all=2"), ("k2", "C=0.5|D=1")]
    for number in (3, 2):
        assert command("import", "undo", number).code == 0
    assert (stored("k1"), stored("k2"), rules()) == before


def test_points_of_a_file_are_rescored_to_another_most(load, command, tmp_path):
    load(POINTS, "--max-score", "p1=2")
    few = command("rescore", "--exam", "EX", *key(tmp_path, "p1,points=1\n"))
    assert few.code == 2
    assert "answers have more points than the item gives: p1 (points=1, an answer has 2)" in few.err
    many = command("rescore", "--exam", "EX", *key(tmp_path, "p1,points=4\n"))
    assert "nobody has all points of p1 (points=4)" in many.err
    done = command("rescore", "--exam", "EX", *key(tmp_path, "p1,points=4\n"), "--allow-unchosen")
    assert done.code == 0
    assert stored("p1") == ["0 2 4", "0 1 4", "0 0 4", "0 2 4", "0 1.5 4"]
    assert command("import", "undo", 2).code == 0
    assert stored("p1") == PARTLY


def test_a_corrected_file_replaces_points_and_keeps_them(load, command):
    load(POINTS, "--max-score", "p1=2")
    corrected = POINTS.replace("u4,p1,1.5", "u4,p1,0.5")
    refused = load(corrected, name="b.csv")
    assert "has item 'p1' as 1.5 of 2, the file says 0.5 of 2" in refused.err
    assert load(corrected, "--on-conflict", "replace", name="b.csv").code == 0
    assert stored("p1")[-1] == "0 0.5 2"
    command("import", "undo", 2)
    assert stored("p1") == PARTLY


def test_points_go_out_and_come_in_again(load, command, tmp_path, settings):
    load(POINTS, "--max-score", "p1=2")
    before = stored("p1"), stored("o1")
    for name, shape in (("long.csv", "long"), ("wide.csv", "wide"), ("irw.csv", "irw")):
        assert command("export", "responses", name, "--exam", "EX", "--shape", shape).code == 0
    long: dict[str, dict[str, str]] = {}
    for row in table(tmp_path / "long.csv"):
        long.setdefault(row["quiz_id"], {})[row["question"]] = row["score"]
    assert sorted(each["p1"] for each in long.values()) == ["0", "1", "1.5", "2", "2"]
    for row in table(tmp_path / "wide.csv"):
        assert row["o1"] == long[row["quiz_id"]]["o1"]
        assert float(row["p1"]) == float(long[row["quiz_id"]]["p1"])
    points = [row["resp"] for row in table(tmp_path / "irw.csv") if row["item"] == "p1"]
    assert sorted(points) == ["0", "1", "1.5", "2", "2"]
    person = json.loads(command("person", "export", "u4").out)
    assert {(a["item"], a["score"], a["max_score"]) for a in person["answers"]} == {
        ("o1", None, None),
        ("p1", "1.5", "2"),
    }
    assert command("import", "undo", 1).code == 0
    back = ("--preset", "qbank", "--correct-col", "score", "--max-score-col", "max_score")
    assert command("import", "responses", "long.csv", "--exam", "EX", *back).code == 0
    assert (stored("p1"), stored("o1")) == before


def table(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_the_night_can_say_how_many_items_have_part_marks(load, settings):
    from qbank.postgres import connect

    load(POINTS, "--max-score", "p1=2")
    with connect() as connection:
        assert exam_states.items_with_part_marks(connection, "EX") == 1
        connection.execute("UPDATE user_responses SET is_correct = true, score = 2 WHERE score > 0")
        assert exam_states.items_with_part_marks(connection, "EX") == 0
