"""People by pseudonyms: the same in every file, by one key, which shows nowhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
from base64 import b32encode

import pytest

from qbank.postgres import connect
from qbank.pseudonyms import FORM, PseudonymKey, claim
from tests.qbank.answers import rows, size
from tests.qbank.test_people import mentions

ANNA, BEN = "anna@example.org", "ben@example.org"
SECRET = "kQ3v" * 12
FIRST = f"user_id,question,correct\n{ANNA},q1,1\n{BEN},q1,0\n"
SECOND = f"user_id,question,correct\n {BEN} ,q2,0\n{ANNA},q2,x\n"
TAKEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01", "--tenant", "north")


@pytest.fixture
def key(tmp_path, monkeypatch):
    """``key(secret)`` puts another secret into the file that the setting names."""
    path = tmp_path / "pseudonym.key"

    def write(secret):
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(f"{secret}\n")
        return path

    monkeypatch.setenv("QBANK_PSEUDONYM_KEY_FILE", str(write(SECRET)))
    return write


@pytest.fixture
def bring(command, tmp_path):
    def run(text, *options, name="answers.csv"):
        (tmp_path / name).write_text(text)
        return command("import", "responses", name, *TAKEN, *options)

    return run


def expected(tenant, person):
    """HMAC-SHA-256 of tenant and id, 128 bits of it in base 32."""
    text = f"person\x1f{tenant}\x1f{person}".encode()
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()[:16]
    return "p-" + b32encode(digest).decode().lower().rstrip("=")


def people():
    return {row[0] for row in rows("SELECT DISTINCT user_id FROM quiz_sessions")}


def test_a_person_has_one_pseudonym_in_every_file_and_no_id_anywhere(bring, command, key):
    done = bring(FIRST, "--pseudonymise")
    assert (done.code, "2 people come in by pseudonyms" in done.out) == (0, True)
    more = bring(SECOND, "--pseudonymise", "--max-rejects", "1", name="second.csv")
    assert (more.code, "1 new" in more.out) == (0, True)
    assert people() == {expected("north", ANNA), expected("north", BEN)}
    assert size("user_responses") == 3
    assert mentions(ANNA, BEN, SECRET) == {}
    assert SECRET not in done.out + done.err + more.out + more.err
    # its holder finds the person again
    asked = command("person", "pseudonym", BEN, "--tenant", "north").out.strip()
    shown = json.loads(command("person", "export", asked).out)
    assert [answer["item"] for answer in shown["answers"]] == ["q1", "q2"]
    assert command("person", "erase", asked, "--yes").code == 0
    assert people() == {expected("north", ANNA)}


def test_a_list_of_ids_is_a_list_of_pairs(command, key, monkeypatch, settings):
    asked = command("person", "pseudonym", ANNA, BEN, "--tenant", "south").out
    pairs = f"id,pseudonym\n{ANNA},{expected('south', ANNA)}\n{BEN},{expected('south', BEN)}\n"
    assert asked == pairs
    monkeypatch.setattr("sys.stdin", iter([f"{ANNA}\n", "\n", f"{BEN}\n"]))
    assert command("person", "pseudonym", "-", "--tenant", "south").out == pairs
    assert expected("south", ANNA) != expected("north", ANNA)
    assert re.match(FORM, expected("south", ANNA))


def test_another_key_is_noticed_before_anybody_is_there_twice(bring, command, key):
    bring(FIRST, "--pseudonymise")
    key("another" * 8)
    for refused in (
        bring(SECOND, "--pseudonymise", "--max-rejects", "1", name="second.csv"),
        bring(SECOND, "--pseudonymise", "--dry-run", "--max-rejects", "1", name="second.csv"),
        command("person", "pseudonym", ANNA, "--tenant", "north"),
    ):
        assert refused.code == 2
        assert "is not the one that pseudonyms of tenant 'north' were made with" in refused.err
    assert size("user_responses") == 2
    # when nobody has a pseudonym by the first key, the tenant takes another
    command("import", "undo", "1")
    assert bring(FIRST, "--pseudonymise").code == 0
    key(SECRET)
    assert bring(FIRST, "--pseudonymise").code == 2
    assert not people() & {expected("north", ANNA)}


def test_two_imports_with_a_new_key_take_it_one_after_the_other(bring, command, key, settings):
    bring(FIRST, "--pseudonymise")
    command("import", "undo", "1")
    path = key("another" * 8)
    new = PseudonymKey.load(settings.model_copy(update={"pseudonym_key_file": path}))
    told = []

    def take():
        try:
            with connect() as connection:
                claim(connection, new, "north")
            told.append("taken")
        except Exception as error:
            told.append(repr(error))

    with connect() as earlier:
        # an import by the first key, so that both have come to where they wait
        earlier.execute("SELECT FROM pseudonym_keys FOR SHARE")
        takers = [threading.Thread(target=take) for _ in range(2)]
        for taker in takers:
            taker.start()
        waits = """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
        for _ in range(200):
            if rows(waits) == [(2,)]:
                break
            time.sleep(0.05)
    for taker in takers:
        taker.join(30)
    assert told == ["taken", "taken"]
    assert rows("SELECT fingerprint FROM pseudonym_keys") == [(new.fingerprint("north"),)]


def test_an_exam_names_its_people_one_way(bring, command, key):
    bring(FIRST, "--pseudonymise")
    plain = bring(SECOND, "--max-rejects", "1", name="second.csv")
    assert plain.code == 2
    assert "exam 'EX' has people by pseudonyms (import 1): without --pseudonymise" in plain.err
    command("import", "undo", "1")
    assert bring(FIRST).code == 0
    named = bring(SECOND, "--pseudonymise", "--max-rejects", "1", name="second.csv")
    assert "has people by their own ids (import 2): with --pseudonymise they would" in named.err
    assert people() == {ANNA, BEN}


def test_who_comes_in_by_a_pseudonym_keeps_it(bring, key):
    bring(FIRST, "--pseudonymise")
    again = FIRST.replace(ANNA, expected("north", ANNA)).replace("q1", "q3")
    done = bring(again, "--pseudonymise", name="again.csv")
    assert "2 people come in by pseudonyms, 1 of them in the file already" in done.out
    assert people() == {expected("north", ANNA), expected("north", BEN)}


def test_a_key_that_cannot_be_used_is_named_without_it(bring, key, monkeypatch, tmp_path):
    path = key("short-secret")
    short = bring(FIRST, "--pseudonymise")
    assert (short.code, "holds 12 bytes, fewer than 32: make one with" in short.err) == (2, True)
    assert "short-secret" not in short.err
    key(SECRET).chmod(0o644)
    assert f"others may read {path}: chmod 600 {path}" in bring(FIRST, "--pseudonymise").err
    path.unlink()
    assert "cannot be read (No such file or directory)" in bring(FIRST, "--pseudonymise").err
    monkeypatch.delenv("QBANK_PSEUDONYM_KEY_FILE")
    assert "names no file of the key" in bring(FIRST, "--pseudonymise").err
    assert size("exams") == 0


def test_a_dry_run_shows_pseudonyms_and_takes_no_key(bring, key):
    shown = bring(FIRST, "--pseudonymise", "--dry-run", "--json")
    first = json.loads(shown.out)["preview"][0]["user_id"]
    assert (first, size("pseudonym_keys")) == (expected("north", ANNA), 0)


def test_rejects_have_the_file_s_own_names(bring, key, tmp_path):
    bring(FIRST + SECOND.partition("\n")[2], "--pseudonymise", "--max-rejects", "1")
    assert ANNA in (tmp_path / "answers.rejects.csv").read_text()
