"""A person is given out whole, and erased whole: from every table, for good, and nobody else."""

from __future__ import annotations

import csv
import io
import json
import random
import signal
import threading
import time
import unicodedata
from collections import Counter
from dataclasses import asdict

import psycopg
import pytest
from psycopg import sql

from qbank import migrations
from qbank.errors import PersonError
from qbank.importing import ColumnMap, attributes, batches
from qbank.importing.undoing import undo
from qbank.people import erase, erasing, everything_about
from qbank.people.stored import PERSONAL
from qbank.postgres import connect
from qbank.stores import audit, cohorts, idempotency
from tests.qbank.answers import DAY, rows, size
from tests.qbank.killing import wait_for_silence, worker

ANNA, BEN = "anna@example.org", "ben@example.org"
ANSWERS = f"""user_id,question,correct,option_label
{ANNA},q1,1,A
{ANNA},q2,0,B
{BEN},q1,1,A
{BEN},q2,1,A
"""
# what an import replaces is kept: a key of q2 and answers of both
CORRECTED = ANSWERS.replace("q2,0,B", "q2,1,A").replace(f"{BEN},q2,1,A", f"{BEN},q2,0,C")
OTHER = "FY"
LAYOUT = ("--timestamp", "2024-06-01", "--option-col", "option_label")


@pytest.fixture
def world(command, tmp_path):
    """Two people with all that there can be of them; imports 1 (answers) and 2 (a correction)."""
    (tmp_path / "answers.csv").write_text(ANSWERS)
    (tmp_path / "corrected.csv").write_text(CORRECTED)
    given = ("--exam", "EX", "--tenant", "north", *LAYOUT)
    assert command("import", "responses", "answers.csv", "--create-exam", *given).code == 0
    replaced = ("corrected.csv", "--on-conflict", "replace")
    assert command("import", "responses", *replaced, *given).code == 0
    accommodate(command, "create", OTHER, {ANNA: 1.5, BEN: 2})
    for factor in (1.5, 1.25):
        accommodate(command, "set", "EX", {ANNA: factor, BEN: 2})
    with connect() as connection:
        connection.execute(
            """INSERT INTO quiz_results (quiz_id, answered, correct, theta, model, items)
            SELECT id, 2, 1, 0.5, '2pl', '[]' FROM quiz_sessions"""
        )
        for person in (ANNA, BEN):
            cohorts.assign(connection, "north", "trial", {person: "treated"})
            connection.execute(
                """INSERT INTO event_outbox (id, tenant_id, aggregatetype, aggregateid, type,
                    payload)
                SELECT event_id(id), 'north', 'quiz', id, 'quiz_started',
                    jsonb_build_object('quiz_id', id, 'user_id', user_id)
                FROM quiz_sessions WHERE user_id = %s""",
                [person],
            )
            idempotency.claim(connection, "north", person, "key-of-change", "what")
            note = audit.noting(connection, "north", "olga")
            note("cohort.unassign", f"cohort=other user={person}")
        idempotency.claim(connection, "north", "olga", "assignment", "what")
        reply = json.dumps([{"user_id": ANNA, "cohort_value": "treated"}])
        idempotency.keep_reply(connection, "north", "olga", "assignment", 200, reply)
    return command


def accommodate(command, verb, exam, factors, tenant="north"):
    given = ("--tenant", tenant, "--accommodations", json.dumps(factors))
    assert command("exam", verb, exam, *given).code == 0


def mentions(*words):
    """Tables of all schemas that have one of the words in any column, with how often."""
    found = {}
    with connect() as connection:
        tables = connection.execute(
            """SELECT relnamespace::regnamespace::text, relname FROM pg_class
            WHERE relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text
                NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
        ).fetchall()
        for schema, table in tables:
            count = sql.SQL(
                "SELECT count(*) FROM {} AS t WHERE EXISTS"
                " (SELECT FROM unnest(%s::text[]) AS w WHERE strpos(t::text, w) > 0)"
            ).format(sql.Identifier(schema, table))
            if number := connection.execute(count, [list(words)]).fetchone()[0]:
                found[table] = number
    return found


def of_others(person, quizzes):
    """All rows of the tables that tell of people, without those that tell of one person."""
    return Counter(
        f"{table} {text}"
        for table in {stored.table for stored in PERSONAL}
        for (text,) in rows(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
        if not any(word in text for word in (person, *quizzes))
    )


def quizzes_of(person):
    return [row[0] for row in rows("SELECT id FROM quiz_sessions WHERE user_id = %s", person)]


class Terminal(io.StringIO):
    """Somebody who can be asked."""

    def isatty(self):
        return True


# the marts need them until the night has followed
UNTIL_THE_NIGHT = {"source_changes"}


def test_an_erasure_leaves_no_row_anywhere_and_those_of_others(world):
    quizzes = quizzes_of(ANNA)
    assert {"quiz_sessions", "user_responses", "cohort_assignments"} <= mentions(ANNA).keys()
    assert {"quiz_items", "quiz_results", "response_history"} <= mentions(*quizzes).keys()
    others = of_others(ANNA, quizzes)
    told = world("person", "erase", ANNA, "--dry-run", "--json")
    assert len(mentions(ANNA)) > 3, "a dry run writes nothing"
    done = world("person", "erase", f" {ANNA} ", "--yes", "--json")
    assert done.code == 0
    counts = json.loads(done.out)
    assert counts == json.loads(told.out) | {"erased": True}
    assert counts["removed"] == {
        "event_outbox": 1,
        "user_responses": 2,
        "quiz_results": 1,
        "response_history": 1,
        "quiz_items": 2,
        "quiz_sessions": 1,
        "cohort_assignments": 1,
        "idempotent_requests": 1,
    }
    assert counts["name_removed"] == {"idempotent_requests": 1, "exams": 2, "audit_log": 4}
    assert mentions(ANNA, *quizzes).keys() == UNTIL_THE_NIGHT
    after = of_others(ANNA, quizzes)
    assert others - after == Counter()
    # those that named her among others, and the line of the erasure
    more = [row for row in after - others if "person.erase" not in row]
    assert (len(more), (after - others).total()) == (7, 8)
    assert (size("question_publications"), size("import_batches")) == (2, 2)


def test_accommodations_of_others_stay_where_somebody_is_erased(world):
    before = dict(rows("SELECT exam_code, settings_version FROM bank_versions"))
    erase(ANNA)
    assert [row[0]["attempts"] for row in rows("SELECT policy FROM exams")] == [
        {"accommodations": {BEN: 2}}
    ] * 2
    assert rows("SELECT details FROM audit_log WHERE action = 'exam.change' ORDER BY id") == [
        (
            {
                "before": {"attempts.accommodations": was},
                "after": {"attempts.accommodations": {BEN: 2}},
            },
        )
        for was in (None, {BEN: 2})
    ]
    ((made,),) = rows(
        "SELECT details FROM audit_log WHERE action = 'exam.create' AND target = %s",
        f"exam={OTHER}",
    )
    assert made["policy"]["attempts"] == {"accommodations": {BEN: 2}}
    # what delivery keeps of an exam it reads anew
    after = dict(rows("SELECT exam_code, settings_version FROM bank_versions"))
    assert {exam for exam in after if after[exam] > before.get(exam, 0)} == {"EX", OTHER}


@pytest.mark.parametrize("action", ["sitting.extend", "sitting.void"])
def test_why_a_sitting_was_changed_is_told_and_erased_with_it(world, action):
    (quiz,), (other,) = quizzes_of(ANNA), quizzes_of(BEN)
    with connect() as connection:
        note = audit.noting(connection, "north", "olga")
        for sitting in (quiz, other):
            note(action, f"quiz={sitting}", minutes=5, why="she was ill")
    (told,) = everything_about(ANNA)["changes_of_sittings"]
    assert (told["target"], told["details"]["why"]) == (f"quiz={quiz}", "she was ill")
    erase(ANNA)
    sql = "SELECT target, details FROM audit_log WHERE starts_with(action, 'sitting.') ORDER BY id"
    assert rows(sql) == [
        ("quiz=(erased)", {"minutes": 5}),
        (f"quiz={other}", {"minutes": 5, "why": "she was ill"}),
    ]
    assert mentions(ANNA, quiz).keys() == UNTIL_THE_NIGHT


ZOE = "zoe"
ONLY_THERE = {
    "attributes": lambda command, tenant: rows(
        "INSERT INTO people (tenant_id, user_id, attributes) VALUES (%s, %s, '{}') RETURNING 1",
        tenant,
        ZOE,
    ),
    "an accommodation": lambda command, tenant: accommodate(
        command, "create", f"OF-{tenant}", {ZOE: 2}, tenant
    ),
    "an accommodation that is no more": lambda command, tenant: [
        accommodate(command, verb, f"OF-{tenant}", factors, tenant)
        for verb, factors in (("create", {ZOE: 2}), ("set", {}))
    ],
    "the audit log": lambda command, tenant: rows(
        """INSERT INTO audit_log (tenant_id, actor, action, target)
        VALUES (%s, 'olga', 'cohort.unassign', %s) RETURNING 1""",
        tenant,
        f"cohort=trial user={ZOE}",
    ),
}


@pytest.mark.parametrize("where", ONLY_THERE)
def test_who_is_named_in_one_place_only_is_found_and_erased(command, where):
    ONLY_THERE[where](command, "north")
    assert everything_about(ZOE)["tenant"] == "north"
    ONLY_THERE[where](command, "south")
    with pytest.raises(PersonError, match="in tenants north, south: name one with --tenant"):
        erase(ZOE)
    for tenant in ("south", "north"):
        assert erase(ZOE, tenant=tenant).tenant == tenant
    assert mentions(ZOE) == {}


def test_a_policy_that_nobody_can_read_stops_no_erasure(world):
    odd = {"accommodations": [ANNA]}
    rows(
        "UPDATE exams SET policy = %s WHERE exam_code = %s RETURNING 1",
        json.dumps({"attempts": odd}),
        OTHER,
    )
    accommodate(world, "set", OTHER, {ANNA: 2})
    erase(ANNA)
    assert rows("SELECT policy FROM exams WHERE exam_code = %s", OTHER)[0][0] == {
        "attempts": {"accommodations": {}}
    }


def test_undoing_what_replaced_answers_brings_nobody_back(world):
    (quiz,) = quizzes_of(ANNA)
    erase(ANNA)
    restored = undo(2)
    assert (restored.restored, mentions(ANNA, quiz).keys()) == (1, UNTIL_THE_NIGHT)
    assert rows("SELECT user_id, is_correct FROM user_responses ORDER BY id") == [
        (BEN, True),
        (BEN, True),
    ]
    undo(1)
    assert (size("user_responses"), size("quiz_sessions")) == (0, 0)


def test_history_of_sittings_that_were_taken_back_is_not_left_without_an_owner(world):
    undo(2)
    assert size("response_history") == 2
    undo(1)
    assert size("response_history") == 0


def test_nobody_else_takes_rows_out_of_a_history(world):
    for query in ("DELETE FROM response_history", "UPDATE audit_log SET target = ''"):
        with connect() as connection, pytest.raises(psycopg.errors.IntegrityError, match="append"):
            connection.execute(query)
        for role in ("delivery", "orchestration", "analyst"):
            with connect(role) as connection:
                audit.open_to_erasure(connection)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(query)


def test_who_is_unknown_is_said_with_the_tenant(world):
    for words, message in (
        (["zoe"], "nothing is stored about a person 'zoe' in any tenant"),
        (["zoe", "--tenant", "north"], "nothing is stored about a person 'zoe' in tenant 'north'"),
        ([ANNA, "--tenant", "south"], f"about a person '{ANNA}' in tenant 'south'"),
        ([ANNA.upper()], "ids are told apart by case"),
        (["  "], "the person's id is empty"),
    ):
        for command in (["export"], ["erase", "--yes"], ["erase", "--dry-run"]):
            done = world("person", *command, *words)
            assert (done.code, message in done.err) == (2, True), done.err
    erase(ANNA)
    again = world("person", "erase", ANNA, "--yes")
    assert (again.code, "nothing is stored" in again.err) == (2, True)
    assert not any("zoe" in row[0] for row in rows("SELECT t::text FROM audit_log AS t"))


def test_the_same_id_in_another_tenant_is_another_person(world, tmp_path):
    (tmp_path / "south.csv").write_text(ANSWERS)
    given = ("--exam", "SX", "--tenant", "south", *LAYOUT, "--create-exam")
    world("import", "responses", "south.csv", *given)
    with connect() as connection:
        connection.execute(
            "INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value)"
            " VALUES (%s, 'every', 'treated')",
            [ANNA],
        )
    asked = world("person", "export", ANNA)
    assert (
        asked.code,
        "is known in tenants north, south: name one with --tenant" in asked.err,
    ) == (
        2,
        True,
    )
    erase(ANNA, tenant="north")
    left = "SELECT tenant_id, count(*) FROM quiz_sessions WHERE user_id = %s GROUP BY 1"
    assert rows(left, ANNA) == [("south", 1)]
    assert rows("SELECT cohort_key FROM cohort_assignments WHERE user_id = %s", ANNA) == [
        ("every",)
    ]
    # nobody else has the id any more, so an assignment for every tenant is this person's
    assert erase(ANNA).removed["cohort_assignments"] == 1
    assert mentions(ANNA).keys() == UNTIL_THE_NIGHT


@pytest.mark.parametrize("given", [[], ["--tenant", "north"]])
def test_an_id_that_no_import_would_write_so_is_found_as_it_is(world, given):
    decomposed = unicodedata.normalize("NFD", "Zoë ")
    with connect() as connection:
        connection.execute("UPDATE quiz_sessions SET user_id = %s", [decomposed])
    assert world("person", "erase", decomposed, "--yes", *given).code == 0
    assert size("quiz_sessions") == 0


def test_what_a_person_did_as_staff_stays_and_is_said(world):
    with connect() as connection:
        audit.noting(connection, "north", ANNA)("topic.create", "topic=1")
    done = world("person", "erase", ANNA, "--yes")
    assert "audit_log.actor" in done.out
    again = world("person", "erase", ANNA, "--yes")
    assert again.code == 2
    assert "is known as staff alone (audit_log.actor 1): that stays" in again.err
    assert everything_about(ANNA)["changes_made"][0]["action"] == "topic.create"


@pytest.mark.parametrize("how", ["import", "rescore"])
def test_what_a_person_s_imports_and_rescores_wrote_is_theirs(world, monkeypatch, tmp_path, how):
    monkeypatch.setenv("LOGNAME", "ruth")
    if how == "import":
        undo(2)  # the third batch takes the second one's part
        again = ("corrected.csv", "--exam", "EX", "--tenant", "north", *LAYOUT)
        assert world("import", "responses", *again, "--on-conflict", "replace").code == 0
    else:
        (tmp_path / "key.csv").write_text("item,key\nq2,C\n")
        assert world("rescore", "--exam", "EX", "--key", "key.csv").code == 0
    done = world("person", "export", "ruth")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["tenant"], len(told["answers_changed"])) == ("north", 2)
    assert [one["id"] for one in told["imports"]] == ([2, 3] if how == "import" else [3])
    assert len(told["keys_set"]) == (how == "rescore")
    refused = world("person", "erase", "ruth", "--yes")
    assert "is known as staff alone" in refused.err
    assert "response_history.changed_by 2" in refused.err
    # whose name only begins so is another person
    assert "nothing is stored" in world("person", "export", "rut").err


def test_nobody_is_erased_unasked(world, monkeypatch):
    refused = world("person", "erase", ANNA)
    assert (refused.code, "needs --yes where nobody can be asked" in refused.err) == (2, True)
    for answer, code, quizzes in (("n", 1, 1), ("y", 0, 0)):
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        asked = world("person", "erase", ANNA)
        assert (asked.code, len(quizzes_of(ANNA))) == (code, quizzes)
        assert f"Erase person {ANNA} of tenant north?" in asked.out + asked.err


def test_a_quiz_under_way_is_named_and_goes_only_when_asked_for(world):
    with connect() as connection:
        connection.execute(
            "UPDATE quiz_sessions SET sealed_at = NULL, expires_at = now() + interval '1 h'"
        )
    (quiz,) = quizzes_of(ANNA)
    for more in ("--yes", "--dry-run"):
        refused = world("person", "erase", ANNA, more)
        assert refused.code == 2
        assert f"has quiz {quiz} of exam EX under way, until" in refused.err
    assert world("person", "erase", ANNA, "--yes", "--with-open").code == 0
    assert quizzes_of(ANNA) == []


def test_an_export_has_everything_and_is_its_owner_s_alone(world, tmp_path):
    shown = json.loads(world("person", "export", ANNA).out)
    assert (shown["person"], shown["tenant"]) == (ANNA, "north")
    assert [(a["item"], a["option"], a["is_correct"]) for a in shown["answers"]] == [
        ("q1", "A", True),
        ("q2", "A", True),
    ]
    assert [a["imported_from"] for a in shown["answers"]] == ["answers.csv", "corrected.csv"]
    assert [a["option"] for a in shown["answers_as_they_were"]] == ["B"]
    assert shown["sittings"][0]["finished_at"].startswith("2024-06-01T")
    assert [len(shown[name]) for name in ("results", "items_served", "experiment_arms")] == [
        1,
        2,
        1,
    ]
    assert shown["accommodations"] == [
        {"exam": "EX", "times_as_long": 1.25},
        {"exam": OTHER, "times_as_long": 1.5},
    ]
    assert [
        (c["made_with"], c["before"], c["after"]) for c in shown["accommodations_in_the_audit_log"]
    ] == [(1.5, None, None), (None, None, 1.5), (None, 1.5, 1.25)]
    assert [r["key"] for r in shown["named_in_replies_of_the_last_day"]] == ["assignment"]
    assert BEN not in json.dumps(shown)
    world("person", "export", ANNA, "--out", "anna.json")
    assert json.loads((tmp_path / "anna.json").read_text())["answers"] == shown["answers"]
    assert (tmp_path / "anna.json").stat().st_mode & 0o777 == 0o600
    again = world("person", "export", ANNA, "--out", "anna.json")
    assert (again.code, "is there already" in again.err) == (2, True)
    world("person", "export", ANNA, "--format", "csv", "--out", "anna")
    with (tmp_path / "anna" / "answers.csv").open(newline="") as file:
        assert [row["item"] for row in csv.DictReader(file)] == ["q1", "q2"]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "anna").iterdir()}
    assert (modes, (tmp_path / "anna").stat().st_mode & 0o777) == ({0o600}, 0o700)
    taken = world("person", "export", ANNA, "--format", "csv", "--out", "anna")
    assert (taken.code, "name a folder that is not there" in taken.err) == (2, True)
    nowhere = world("person", "export", ANNA, "--format", "csv")
    assert (nowhere.code, "name it with --out" in nowhere.err) == (2, True)


def test_two_erasures_at_once_are_one(world):
    outcomes = []

    def run():
        try:
            outcomes.append(erase(ANNA).rows)
        except PersonError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["int", "str", "str", "str"]
    assert rows("SELECT count(*) FROM audit_log WHERE action = 'person.erase'") == [(1,)]


BROUGHT = """
INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
    num_questions, started_at, expires_at, sealed_at)
SELECT 'brought', user_id, tenant_id, mode, adaptive, %(exam)s, selector, num_questions,
    started_at, expires_at, sealed_at
FROM quiz_sessions WHERE id = %(quiz)s
"""


def test_an_erasure_waits_for_an_import_and_takes_what_it_brought(world):
    (quiz,) = quizzes_of(ANNA)
    erased = []
    with connect() as importing:
        batches.lock(importing, "EX")
        waiting = threading.Thread(target=lambda: erased.append(erase(ANNA)))
        waiting.start()
        importing.execute(BROUGHT, {"exam": "EX", "quiz": quiz})
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(30)
    assert erased[0].removed["quiz_sessions"] == 2
    assert quizzes_of(ANNA) == []


@pytest.mark.parametrize(("tries", "left"), [(5, 0), (1, 2)])
def test_what_an_import_brings_into_another_exam_meanwhile_is_erased_too(
    world, monkeypatch, tries, left
):
    """With one try it is refused, and the person is whole."""
    monkeypatch.setattr(erasing, "TRIES", tries)
    # no exam that an erasure waits for from the beginning
    accommodate(world, "set", OTHER, {})
    (quiz,) = quizzes_of(ANNA)
    told = []

    def run():
        try:
            told.append(erase(ANNA).removed["quiz_sessions"])
        except PersonError as error:
            told.append(str(error))

    waits = """SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"""
    with connect() as importing:
        batches.lock(importing, OTHER)
        attributes.hold(importing, "north")
        waiting = threading.Thread(target=run)
        waiting.start()
        for _ in range(200):
            if rows(waits) == [(1,)]:
                break
            time.sleep(0.05)
        importing.execute(BROUGHT, {"exam": OTHER, "quiz": quiz})
    waiting.join(30)
    refused = f"person '{ANNA}' is not erased: more quizzes came in each time that it began"
    assert told == [2] if not left else told[0].startswith(refused)
    assert len(quizzes_of(ANNA)) == left


KILLS, PEOPLE, ITEMS = 10, 14, 400


def _sizes(person):
    """Rows by table, once no other connection is at work."""
    wait_for_silence()
    try:
        return asdict(erase(person, dry_run=True))["removed"]
    except PersonError:
        return {}


@pytest.mark.slow
def test_who_is_killed_on_the_way_erased_a_person_whole_or_not_at_all(importer, tmp_path):
    lines = [f"p{k},q{n},{(k * n) % 2}" for k in range(PEOPLE) for n in range(ITEMS)]
    text = "\n".join(["user_id,question,correct", *lines])
    importer(text, columns=ColumnMap(), timestamp=DAY)
    whole = {"user_responses": ITEMS, "quiz_items": ITEMS, "quiz_sessions": 1}
    with worker("from qbank.people import erase", "erase(words[0])", tmp_path) as run:
        for person in ("p0", "p1"):  # the first one is slower
            began = time.monotonic()
            assert run(person) == 0
            lasts = time.monotonic() - began
            assert _sizes(person) == {}
        moments = random.Random(5)  # noqa: S311
        killed, left = 0, [f"p{k}" for k in range(2, PEOPLE)]
        while killed < KILLS and left:
            status = run(left[0], moments.uniform(0, lasts))
            killed += status == signal.SIGKILL
            now = _sizes(left[0])
            assert now in (whole, {})
            if not now:
                left.pop(0)
            elif status == 0:
                pytest.fail("it said that it was done, and it was not")
        assert killed >= KILLS // 2
        for person in left:
            assert run(person) == 0
        assert (size("user_responses"), size("quiz_sessions"), size("quiz_items")) == (0, 0, 0)


def test_an_upgrade_removes_history_that_an_earlier_undo_left_without_a_sitting(world):
    migrations.rollback("0035")
    with connect() as connection:
        connection.execute(
            """INSERT INTO response_history (import_batch_id, quiz_id, question_id, version,
                was_correct, was_created_at, changed_by)
            SELECT import_batch_id, 'taken back', question_id, version, was_correct,
                was_created_at, changed_by
            FROM response_history LIMIT 1"""
        )
    before = size("response_history")
    migrations.migrate()
    assert (before, size("response_history")) == (3, 2)
