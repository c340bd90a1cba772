"""Attributes of people: kept, said where they differ, taken back with their import, and erased."""

from __future__ import annotations

import json

import pytest

from qbank.people import erase, everything_about
from qbank.postgres import connect
from tests.qbank.answers import rows, size

FIRST = """user_id,school,L1,question,correct
ann,North,de,q1,1
ann,North,de,q2,0
ben,South,NA,q1,1
cat, ,,q1,0
"""
LATER = FIRST.replace("ann,North,de", "ann,East,de").replace("ben,South,NA", "ben,South,fr")
GROUPS = ("--group-col", "school", "--group-col", "l1")


@pytest.fixture
def bring(command, tmp_path):
    def run(text, *options, name="answers.csv", exam="EX"):
        (tmp_path / name).write_text(text)
        given = ("--exam", exam, "--create-exam", "--timestamp", "2024-06-01")
        return command("import", "responses", name, *given, *options)

    return run


def attributes():
    return dict(rows("SELECT user_id, attributes FROM people"))


def test_attributes_come_in_beside_answers(bring):
    done = bring(FIRST, *GROUPS)
    assert (done.code, "attributes of people: new 3" in done.out) == (0, True), done.err
    assert attributes() == {"ann": {"school": "North", "l1": "de"}, "ben": {"school": "South"}}
    again = bring(FIRST, *GROUPS)
    assert "attributes of people: known 3" in again.out
    assert "nothing was added" in again.out


def test_a_file_whose_answers_are_known_brings_its_attributes(bring, command):
    bring(FIRST)
    assert attributes() == {}
    done = bring(FIRST, *GROUPS)
    assert "0 new, 4 known" in done.out
    assert "batch 2: qbank import undo 2 takes it back" in done.out
    assert len(attributes()) == 2
    assert command("import", "undo", "2").code == 0
    assert (attributes(), size("user_responses"), size("people_changes")) == ({}, 4, 0)


def test_each_change_of_attributes_is_counted_their_removal_too(bring, command):
    """By the tenant's count a night knows that what it found of groups is to be found anew."""
    count = "SELECT coalesce(max(version), 0) FROM people_versions"
    seen = []

    def moved():
        seen.append(rows(count)[0][0])
        return seen[-1] > seen[-2]

    moved_not = [bring(FIRST).code, seen.append(rows(count)[0][0]), moved()]
    assert moved_not == [0, None, False], "answers alone"
    bring(FIRST, *GROUPS)
    assert moved()
    bring(FIRST, *GROUPS)
    assert not moved(), "known ones"
    bring(LATER, *GROUPS, "--on-conflict", "replace", name="later.csv")
    assert moved()
    assert command("import", "undo", rows("SELECT max(id) FROM import_batches")[0][0]).code == 0
    assert moved()
    erase("ben")
    assert moved()
    assert command("import", "undo", "2").code == 0
    assert (moved(), attributes()) == (True, {})


def test_what_is_there_otherwise_stays_and_is_said(bring):
    bring(FIRST, *GROUPS)
    done = bring(LATER, *GROUPS, name="later.csv")
    assert done.code == 0
    assert "attributes of people: new 1, known 2, conflicting 1" in done.out
    assert (
        "1 attributes of people are there otherwise and stay (--on-conflict replace takes the "
        "file's): user 'ann' has school 'North' and 'East'"
    ) in done.out
    assert attributes()["ann"] == {"school": "North", "l1": "de"}
    assert attributes()["ben"] == {"school": "South", "l1": "fr"}


def test_what_replaces_comes_back_when_its_import_is_undone(bring, command):
    bring(FIRST, *GROUPS)
    before = attributes()
    done = bring(LATER, *GROUPS, "--on-conflict", "replace", name="later.csv")
    assert "replaced 1" in done.out
    assert attributes()["ann"]["school"] == "East"
    command("import", "undo", "2")
    assert attributes() == before


def test_undoing_an_earlier_import_leaves_what_a_later_one_said(bring, command):
    bring(FIRST, *GROUPS)
    bring(LATER, *GROUPS, "--on-conflict", "replace", name="later.csv", exam="OTHER")
    command("import", "undo", "1")
    assert attributes() == {"ann": {"school": "East"}, "ben": {"l1": "fr"}}
    command("import", "undo", "2")
    assert (attributes(), size("people")) == ({}, 0)


def test_a_file_that_says_two_things_of_a_person_is_told(bring):
    done = bring(FIRST.replace("ann,North,de,q2", "ann,East,de,q2"), *GROUPS)
    assert "ambiguous 1" in done.out
    assert (
        "1 attributes of people are said in two ways, and the first is taken: "
        "user 'ann' has school 'North' and 'East'"
    ) in done.out
    assert attributes()["ann"]["school"] == "North"


def test_a_matrix_has_attributes_that_are_no_items(bring):
    wide = "user_id,school,L1,q1,q2\nann,North,de,1,0\nben,South,,1,1\n"
    done = bring(wide, *GROUPS, "--shape", "wide")
    assert (done.code, "2 columns are items: q1 to q2" in done.out) == (0, True)
    assert attributes() == {"ann": {"school": "North", "l1": "de"}, "ben": {"school": "South"}}


def test_a_column_that_is_missing_or_taken_is_named(bring):
    missing = bring(FIRST, "--group-col", "sex")
    assert (missing.code, "no column 'sex' for the group" in missing.err) == (2, True)
    taken = bring(FIRST, "--group-col", "user_id")
    assert "--group-col 'user_id': column 'user_id' is the user already" in taken.err
    assert size("exams") == 0


def test_an_attribute_is_one_however_its_column_is_spelled(bring):
    bring(FIRST, "--group-col", "school")
    spelled = LATER.replace("school,L1", "School,First Language")
    given = ("--group-col", "School", "--group-col", "First Language")
    done = bring(spelled, *given, name="spelled.csv", exam="OTHER")
    assert "1 attributes of people are there otherwise and stay" in done.out
    assert attributes() == {
        "ann": {"school": "North", "first_language": "de"},
        "ben": {"school": "South", "first_language": "fr"},
    }
    twice = bring(FIRST.replace("L1", "School"), *GROUPS[:2], "--group-col", "School")
    assert (
        twice.code,
        "--group-col 'school' and 'School' are the same attribute" in twice.err,
    ) == (
        2,
        True,
    ), twice.err


def test_a_dry_run_counts_and_writes_none(bring):
    bring(FIRST, *GROUPS)
    found = json.loads(bring(LATER, *GROUPS, "--dry-run", "--json", name="later.csv").out)
    assert found["attributes"] == {"new": 1, "known": 2, "conflicting": 1}
    assert "l1" not in attributes()["ben"]


def test_attributes_are_given_out_and_erased(bring, command):
    bring(FIRST, *GROUPS)
    bring(LATER, *GROUPS, "--on-conflict", "replace", name="later.csv")
    given = everything_about("ann")
    assert given["attributes"][0]["attributes"] == {"school": "East", "l1": "de"}
    assert [(c["was"], c["value"]) for c in given["changes_of_attributes"]] == [
        (None, "de"),
        (None, "North"),
        ("North", "East"),
    ]
    removed = erase("ann").removed
    assert (removed["people"], removed["people_changes"]) == (1, 3)
    command("import", "undo", "2")
    assert attributes() == {"ben": {"school": "South"}}


def test_attributes_of_an_exam_are_exported_for_their_owner_alone(bring, command, tmp_path):
    bring(FIRST, *GROUPS)
    bring(LATER.replace("ann", "dan").replace("ben", "eve"), *GROUPS, exam="OTHER", name="o.csv")
    assert command("export", "people", "people.csv", "--exam", "EX").code == 0
    assert (tmp_path / "people.csv").read_text().splitlines() == [
        "user_id,attribute,value",
        "ann,l1,de",
        "ann,school,North",
        "ben,school,South",
    ]
    assert (tmp_path / "people.csv").stat().st_mode & 0o777 == 0o600
    with connect() as connection:
        connection.execute("UPDATE quiz_sessions SET voided_at = now() WHERE user_id = 'ann'")
    assert command("export", "people", "counted.csv", "--exam", "EX").code == 0
    assert (tmp_path / "counted.csv").read_text().splitlines()[1:] == ["ben,school,South"]


def test_attributes_are_kept_by_pseudonym(bring, tmp_path, monkeypatch):
    key = tmp_path / "pseudonym.key"
    key.touch(0o600)
    key.write_text("k" * 40)
    monkeypatch.setenv("QBANK_PSEUDONYM_KEY_FILE", str(key))
    bring(FIRST, *GROUPS, "--pseudonymise")
    assert {row[0] for row in rows("SELECT user_id FROM people")} <= {
        row[0] for row in rows("SELECT user_id FROM quiz_sessions")
    }
    assert "ann" not in attributes()
