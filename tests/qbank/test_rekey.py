"""The key of pseudonyms is changed: everybody has another, and is found again by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qbank.postgres import connect
from tests.qbank.answers import rows, size
from tests.qbank.killing import wait_for_silence
from tests.qbank.test_people import mentions

QBANK = str(Path(sys.executable).parent / "qbank")
ANNA, BEN = "anna@example.org", "ben@example.org"
OLD, NEW, THIRD = "kQ3v" * 12, "pW8z" * 12, "mT5c" * 12
FIRST = f"user_id,question,correct,school\n{ANNA},q1,1,North\n{BEN},q1,0,South\n{BEN},q2,1,South\n"
DAY = ("--timestamp", "2024-06-01", "--group-col", "school")
# what a night needs to find the old rows, as after an erasure
UNTIL_THE_NIGHT = {"source_changes", "mart_replaced"}


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Files of the three keys by name; ``keys("new")`` makes one that of the settings."""
    for name, secret in (("old", OLD), ("new", NEW), ("third", THIRD)):
        (tmp_path / f"{name}.key").touch(0o600)
        (tmp_path / f"{name}.key").write_text(secret)

    def use(name):
        monkeypatch.setenv("QBANK_PSEUDONYM_KEY_FILE", str(tmp_path / f"{name}.key"))

    use("old")
    return use


@pytest.fixture
def bring(command, keys, tmp_path):
    """``bring(text, *options)`` imports a file by pseudonyms."""

    def run(text, *options, name="answers.csv", tenant="north", exam="EX"):
        (tmp_path / name).write_text(text)
        where = ("--exam", exam, "--create-exam", "--tenant", tenant, "--pseudonymise")
        return command("import", "responses", name, *where, *(options or DAY))

    return run


@pytest.fixture
def rekey(command):
    def run(name, *options):
        words = ("--new-key-file", f"{name}.key", "--tenant", "north")
        return command("person", "rekey", *words, *options)

    return run


def people():
    return {row[0] for row in rows("SELECT DISTINCT user_id FROM quiz_sessions ORDER BY 1")}


def everything():
    """All that is stored of people, with their names and the ids of their sittings."""
    return [
        rows(f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608 - tables of this list
        for table in ("quiz_sessions", "quiz_items", "user_responses", "people", "people_changes",
                      "response_history", "pseudonym_keys", "audit_log", "exams")
    ]  # fmt: skip


def answers():
    """What was answered, whoever it was, in whichever sitting."""
    return rows("""SELECT q.external_ref, r.is_correct, r.option_label, r.created_at
        FROM user_responses AS r JOIN questions AS q ON q.id = r.question_id ORDER BY 1, 2, 3, 4""")


def test_everybody_has_another_pseudonym_and_is_found_again_by_their_id(
    bring, rekey, keys, command, tmp_path
):
    bring(FIRST)
    bring(
        FIRST.replace(f"{BEN},q1,0", f"{BEN},q1,1"), *DAY, "--on-conflict", "replace", name="b.csv"
    )
    bring("user_id,question,correct\nanna,q9,1\n", "--timestamp", "2024-06-01", tenant="south",
          exam="SOUTH")  # fmt: skip
    south = rows("SELECT id, user_id FROM quiz_sessions WHERE tenant_id = 'south'")
    asked = command("person", "pseudonym", ANNA, "--tenant", "north").out.strip()
    anna = {asked, *(r[0] for r in rows("SELECT id FROM quiz_sessions WHERE user_id = %s", asked))}
    with connect() as connection:
        connection.execute(
            """UPDATE exams SET policy = jsonb_set(policy, '{attempts}', jsonb_build_object(
            'accommodations', jsonb_build_object(%s::text, 1.5))) WHERE exam_code = 'EX'""",
            [asked],
        )
        connection.execute(
            """INSERT INTO event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
            VALUES (event_id('q'), 'north', 'quiz', 'q', 'quiz_started',
                jsonb_build_object('user_id', %s::text))""",
            [asked],
        )
    before, told = people(), answers()

    dry = rekey("new", "--dry-run")
    assert "2 people and 2 sittings would get other names" in dry.out
    assert people() == before
    done = rekey("new")
    assert (done.code, "2 people of tenant north have other pseudonyms" in done.out) == (0, True)
    assert "QBANK_PSEUDONYM_KEY_FILE=new.key" in done.out
    assert set(mentions(*anna)) <= UNTIL_THE_NIGHT
    assert mentions(OLD, NEW, ANNA, BEN) == {}
    assert (answers(), len(people() & before)) == (told, 1)
    assert rows("SELECT id, user_id FROM quiz_sessions WHERE tenant_id = 'south'") == south
    noted = "SELECT target, details FROM audit_log WHERE action = 'person.rekey'"
    assert rows(noted) == [("tenant=north", {"people": 2, "sittings": 2})]

    # the old key is another one now, and the new one finds whom the old one named
    assert "is not the one that pseudonyms of tenant 'north' were" in bring(FIRST).err
    keys("new")
    now = command("person", "pseudonym", ANNA, "--tenant", "north").out.strip()
    assert now in people() - before
    shown = json.loads(command("person", "export", now).out)
    assert [answer["item"] for answer in shown["answers"]] == ["q1"]
    assert shown["attributes"][0]["attributes"] == {"school": "North"}
    assert shown["accommodations"][0]["times_as_long"] == 1.5
    assert shown["events_not_older_than_the_outbox"][0]["payload"] == {"user_id": now}
    # the same file is known, one that has grown goes on with its sitting, and an undo is exact
    again = bring(FIRST.replace(f"{BEN},q1,0", f"{BEN},q1,1"), name="b.csv")
    assert "3 rows read: 0 new, 3 known" in again.out
    grown = bring(
        FIRST.replace(f"{BEN},q1,0", f"{BEN},q1,1") + f"{ANNA},q3,0,North\n", name="c.csv"
    )
    assert "4 rows read: 1 new, 3 known" in grown.out
    assert size("quiz_sessions") == 3
    for (number,) in rows("SELECT max(id) FROM import_batches UNION ALL SELECT 2"):
        assert command("import", "undo", number).code == 0
    right = """SELECT sum(r.is_correct::integer), count(*) FROM user_responses AS r
        JOIN quiz_sessions AS s ON s.id = r.quiz_id WHERE s.tenant_id = 'north'"""
    assert rows(right) == [(2, 3)]
    # and once more, by a third
    assert rekey("third").code == 0
    keys("third")
    last = command("person", "pseudonym", ANNA, "--tenant", "north").out.strip()
    assert (last in people(), last == now) == (True, False)
    assert "3 rows read: 0 new, 3 known" in bring(FIRST).out


def test_sittings_told_apart_by_pauses_and_attempts_are_found_again(bring, rekey, keys):
    text = "user_id,question,correct,at\n" + "".join(
        f"{who},{item},{k % 2},2024-06-01 {at}\n"
        for who in (ANNA, BEN)
        for k, (item, at) in enumerate(
            [("q1", "10:00"), ("q1", "10:01"), ("q2", "10:02"), ("q1", "15:00"), ("q1", "15:01")]
        )
    )
    options = ("--timestamp-col", "at", "--gap", "30m", "--attempt", "auto")
    assert "10 rows read: 10 new" in bring(text, *options).out
    sittings = size("quiz_sessions")
    rekey("new")
    keys("new")
    assert "10 rows read: 0 new, 10 known" in bring(text, *options).out
    more = text + f"{ANNA},q1,1,2024-06-01 15:02\n"
    assert "11 rows read: 1 new, 10 known" in bring(more, *options, name="b.csv").out
    assert size("quiz_sessions") == sittings + 1


def test_a_key_that_does_not_fit_is_refused_and_changes_nothing(bring, rekey, keys, tmp_path):
    assert "nobody of tenant 'north' has a pseudonym" in rekey("new").err
    bring(FIRST)
    before = everything()
    assert "hold the same key: nothing would change" in rekey("old").err
    (tmp_path / "new.key").chmod(0o644)
    assert "--new-key-file: others may read new.key: chmod 600 new.key" in rekey("new").err
    (tmp_path / "new.key").chmod(0o600)
    keys("third")
    wrong = rekey("new")
    assert wrong.code == 2
    assert "third.key is not the one that pseudonyms of tenant 'north' were made with" in wrong.err
    assert everything() == before


def test_an_import_of_before_is_named_and_once_more_imported_it_is_found(bring, rekey, keys):
    bring(FIRST)
    with connect() as connection:
        connection.execute("UPDATE quiz_sessions SET sitting_key = NULL")
    refused = rekey("new")
    assert "sittings of import 1 could not be found again by another key: import its" in refused.err
    assert "3 rows read: 0 new, 3 known" in bring(FIRST).out
    assert rekey("new").code == 0
    keys("new")
    assert "3 rows read: 0 new, 3 known" in bring(FIRST).out


def test_a_change_that_is_killed_half_way_leaves_the_old_key(bring, keys, tmp_path, command):
    bring(FIRST)
    before = everything()
    with connect() as holder:
        # sittings are changed by then, and people are not
        holder.execute("LOCK TABLE people IN SHARE MODE")
        words = ("person", "rekey", "--new-key-file", "new.key", "--tenant", "north")
        process = subprocess.Popen([QBANK, *words], cwd=tmp_path)
        waits = """SELECT count(*) FROM pg_locks WHERE NOT granted
            AND relation = 'people'::regclass"""
        for _ in range(400):
            if rows(waits) == [(1,)]:
                break
            time.sleep(0.05)
        else:
            pytest.fail("it does not wait for the table")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    wait_for_silence()
    assert everything() == before
    assert "3 rows read: 0 new, 3 known" in bring(FIRST).out


def test_who_was_launched_by_a_platform_is_found_again(bring, rekey, keys):
    """Their id is no key's, and changes with the others, where it stands."""
    bring(FIRST)
    was = "p-" + "a" * 26
    with connect() as connection:
        connection.execute(
            """WITH platform AS (
                INSERT INTO lti_platforms (tenant_id, name, issuer, client_id, deployment_ids,
                    auth_url, token_url, token_audience, jwks_url)
                VALUES ('north', 'n', 'https://a.b', 'c', '{1}', 'u', 'u', 'u', 'u')
                RETURNING id),
            person AS (
                INSERT INTO lti_people (tenant_id, issuer, subject, user_id)
                VALUES ('north', 'https://a.b', '7', %(was)s))
            SELECT 1""",
            {"was": was},
        )
        connection.execute(
            """INSERT INTO lti_launches (tenant_id, platform_id, user_id, exam_code, deployment_id,
                resource_link_id, code_expires_at)
            SELECT 'north', id, %s, 'EX', '1', 'l', now() FROM lti_platforms""",
            (was,),
        )
    assert rekey("new").code == 0
    people, launches = (
        rows("SELECT user_id FROM lti_people"),
        rows("SELECT user_id FROM lti_launches"),
    )
    assert people == launches
    assert people != [(was,)]
    assert mentions(was) == {}
