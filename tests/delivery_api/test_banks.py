"""Banks change beside the requests: the known one serves, what is withdrawn is served by none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb

from delivery_api.app import create_app
from delivery_api.database import Database
from delivery_api.quizzes import banks
from delivery_api.quizzes.banks import Banks
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from qbank.postgres import connect
from tests.delivery_api.conftest import FREE, World, add_exam, add_items
from tests.delivery_api.test_quizzes import answer

SOON_S = 1.0  # a request that waits for a load takes longer while loads are kept waiting


@pytest.fixture
def exam(world: World, request: pytest.FixtureRequest) -> str:
    """An exam of twelve items of its own, the most informative first: no exposure control."""
    code = f"plain-{time.monotonic_ns()}"
    with world.connect() as conn:
        ids = add_items(conn, "demo", [world.topics["physics"]], 12)
        add_exam(conn, "demo", code, ids)
        policy = Jsonb({"exposure_control": "none", "attempts": FREE})
        conn.execute("UPDATE exams SET policy = %s WHERE exam_code = %s", (policy, code))
    return code


def begin(client: Any, as_user: Any, exam: str, **filters: Any) -> tuple[dict[str, str], Any]:
    """A new student, and what making a quiz answers."""
    headers = as_user(f"student-{time.monotonic_ns()}", "student")
    body = {"filters": {"exam_code": exam, "num_questions": 3} | filters}
    return headers, client.post("/v1/quizzes", json=body, headers=headers)


def first_items(client: Any, as_user: Any, exam: str, count: int = 1) -> list[int]:
    """The first items of a new student, each answered with its key but the last."""
    headers, made = begin(client, as_user, exam)
    quiz = made.json()["quiz_id"]
    items = []
    for position in range(count):
        if position:
            assert answer(client, headers, quiz, items[-1]).status_code == 200
        found = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
        assert found.status_code == 200, found.text
        items.append(found.json()["question_id"])
    return items


def change(world: World, *statements: str, **values: Any) -> None:
    with world.connect() as conn:
        for statement in statements:
            conn.execute(statement, values)


@contextmanager
def loads_kept_waiting(world: World, table: str = "bank_changes") -> Iterator[None]:
    """Nothing that is read for a known bank alone can be read meanwhile."""
    with connect("owner", settings=world.settings) as conn:
        conn.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        conn.rollback()


def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def loads() -> float:
    return REGISTRY.get_sample_value("qbank_api_bank_load_seconds_count") or 0.0


def version_here(client: Any, exam: str) -> int:
    """Version of the exam's bank in the process of ``client``."""
    return client.portal.call(Services.of(client.app).banks.get, "demo", exam).version


def version(world: World, exam: str) -> int:
    with world.connect() as conn:
        sql = "SELECT version FROM bank_versions WHERE exam_code = %s"
        return conn.execute(sql, (exam,)).fetchone()[0]


SH_P = """INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p, updated_by)
    SELECT %(exam)s, min(question_id), 1, 0.5, 'test' FROM question_publications
    WHERE exam_code = %(exam)s
    ON CONFLICT (exam_code, question_id, version) DO UPDATE
    SET sh_p = item_exposure_control.sh_p / 2"""


def test_requests_go_on_while_a_change_is_loaded(client, as_user, world, exam):
    first_items(client, as_user, exam)
    before = version_here(client, exam)
    change(world, SH_P, exam=exam)
    with loads_kept_waiting(world):
        for _ in range(3):
            began = time.monotonic()
            first_items(client, as_user, exam, 3)
            assert time.monotonic() - began < SOON_S
        assert version_here(client, exam) == before
    eventually(lambda: version_here(client, exam) == version(world, exam) > before)


WITHDRAWALS: dict[str, list[str]] = {
    "retired": ["UPDATE question_versions SET state = 'retired' WHERE question_id = %(item)s"],
    "deleted": ["UPDATE questions SET is_deleted = true WHERE id = %(item)s"],
    "not published": ["DELETE FROM question_publications WHERE question_id = %(item)s"],
    "another version is": [
        """INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
        SELECT question_id, 2, 'other', topic_id, 'test' FROM question_versions
        WHERE question_id = %(item)s""",
        """UPDATE question_versions SET state = 'published' WHERE question_id = %(item)s""",
        "UPDATE question_publications SET live_version = 2 WHERE question_id = %(item)s",
    ],
}


@pytest.mark.parametrize("how", WITHDRAWALS)
def test_what_is_withdrawn_is_served_from_no_bank(client, as_user, world, exam, how):
    first, second = first_items(client, as_user, exam, 2)
    # this one goes on from memory: its next item would be ``second``
    ann, made = begin(client, as_user, exam)
    quiz = made.json()["quiz_id"]
    assert client.get(f"/v1/quizzes/{quiz}/next", headers=ann).json()["question_id"] == first
    assert answer(client, ann, quiz, first).status_code == 200
    for item in (first, second):
        change(world, *WITHDRAWALS[how], item=item)
    with loads_kept_waiting(world):
        found = client.get(f"/v1/quizzes/{quiz}/next", headers=ann)
        assert found.status_code == 200
        served = {found.json()["question_id"], *first_items(client, as_user, exam, 3)}
    assert not served & {first, second}
    eventually(lambda: version_here(client, exam) == version(world, exam))


def test_where_nothing_else_is_left_the_new_bank_is_waited_for(client, as_user, world, exam):
    """All items have another version: the known bank has nothing to serve."""
    first_items(client, as_user, exam)
    headers, made = begin(client, as_user, exam)
    many = "ANY(ARRAY(SELECT question_id FROM question_publications WHERE exam_code = %(exam)s))"
    for statement in WITHDRAWALS["another version is"]:
        change(world, statement.replace("%(item)s", many), exam=exam)
    change(
        world,
        """INSERT INTO item_calibration
            (exam_code, question_id, version, model, a, b, n_respondents, converged)
        SELECT exam_code, question_id, 2, '2pl', 1, 0, 100, true FROM question_publications
        WHERE exam_code = %(exam)s""",
        exam=exam,
    )
    found = client.get(f"/v1/quizzes/{made.json()['quiz_id']}/next", headers=headers)
    assert (found.status_code, found.json().get("version")) == (200, 2)


def test_a_publication_is_seen_by_every_process(client, as_user, world, exam):
    with TestClient(create_app(settings=world.settings)) as other:
        item = first_items(client, as_user, exam)[0]
        kept = "CREATE TABLE kept AS SELECT * FROM question_publications WHERE question_id = {}"
        away = "DELETE FROM question_publications WHERE question_id = {}"
        back = "INSERT INTO question_publications SELECT * FROM kept"
        change(world, kept.format(item), away.format(item))
        for process in (client, other):
            assert first_items(process, as_user, exam)[0] != item
        eventually(lambda: version_here(client, exam) == version(world, exam))
        change(world, back, "DROP TABLE kept")
        for process in (client, other):
            eventually(lambda p=process: first_items(p, as_user, exam)[0] == item)


def test_a_bank_that_is_behind_for_too_long_is_not_served(
    client, as_user, world, exam, monkeypatch
):
    item = first_items(client, as_user, exam)[0]
    change(world, "UPDATE questions SET is_deleted = true WHERE id = %(item)s", item=item)
    assert first_items(client, as_user, exam)[0] != item
    eventually(lambda: version_here(client, exam) == version(world, exam))
    ann, made = begin(client, as_user, exam)
    change(world, "UPDATE questions SET is_deleted = false WHERE id = %(item)s", item=item)
    monkeypatch.setattr(banks, "MAX_BEHIND_S", 0.0)
    assert first_items(client, as_user, exam)[0] == item
    found = client.get(f"/v1/quizzes/{made.json()['quiz_id']}/next", headers=ann)
    assert found.json()["question_id"] == item


def test_a_load_that_fails_leaves_the_known_bank_and_is_tried_again(
    world, as_user, exam, monkeypatch, scraper
):
    monkeypatch.setenv("QBANK_API_LOCK_TIMEOUT_S", "0.1")
    monkeypatch.setattr(banks, "PAUSE_S", 0.1)
    monkeypatch.setattr(banks, "MAX_BEHIND_S", 0.5)

    def figure(client: Any, name: str) -> float:
        lines = client.get("/metrics", headers=scraper).text.splitlines()
        return float(next(line for line in lines if line.startswith(name)).split()[-1])

    def ready(client: Any) -> tuple[bool, str]:
        found = client.get("/ready").json()
        return found["ready"], {c["name"]: c["reason"] for c in found["checks"]}["banks"]

    behind = f'qbank_api_bank_behind_seconds{{exam_code="{exam}"}}'
    with TestClient(create_app(settings=world.settings)) as client:
        first_items(client, as_user, exam)
        assert ready(client) == (True, "1 in memory, up to date")
        failed = figure(client, "qbank_api_bank_load_failures_total")
        change(world, SH_P, exam=exam)
        with loads_kept_waiting(world):
            first_items(client, as_user, exam, 3)
            eventually(lambda: figure(client, behind) > 1)
            first_items(client, as_user, exam, 3)  # also behind for longer than it should be
            assert figure(client, "qbank_api_bank_load_failures_total") >= failed + 2
            assert ready(client)[0]
            assert " s behind" in ready(client)[1]
        # without another request
        eventually(lambda: ready(client) == (True, "1 in memory, up to date"))
        assert figure(client, behind) == 0
        assert version_here(client, exam) == version(world, exam)


def test_a_first_load_is_one_for_all_who_wait(world, as_user, exam):
    with TestClient(create_app(settings=world.settings)) as client, ThreadPoolExecutor(6) as many:
        before = loads()
        with loads_kept_waiting(world, "item_calibration"):
            asked = [many.submit(begin, client, as_user, exam) for _ in range(6)]
            time.sleep(0.5)
            assert not any(a.done() for a in asked)
        assert [a.result()[1].status_code for a in asked] == [201] * 6
        assert loads() == before + 1


def test_changes_that_follow_each_other_are_loaded_together(client, as_user, world, exam):
    first_items(client, as_user, exam)
    before, began = loads(), time.monotonic()
    for _ in range(40):
        change(world, SH_P, exam=exam)
        first_items(client, as_user, exam)
    eventually(lambda: version_here(client, exam) == version(world, exam))
    assert 1 <= loads() - before <= 2 + (time.monotonic() - began) / banks.PAUSE_S


def test_a_topic_that_was_just_made_is_known(client, as_user, world, exam):
    first_items(client, as_user, exam)
    below = world.topics["physics"]
    body = {"name": f"new {exam}", "parent_id": below}
    made = client.post("/v1/author/topics", json=body, headers=as_user("kim", "author"))
    topic = made.json()["id"]
    wanted = {"num_questions": 1, "topics": [topic]}
    _, refused = begin(client, as_user, exam, **wanted)
    assert (refused.status_code, refused.json()["type"][-14:]) == (409, "pool-too-small")
    with world.connect() as conn:
        (item,) = add_items(conn, "demo", [topic], 1)
        conn.execute(
            """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
            VALUES (%s, 1, %s, 'demo')""",
            (item, exam),
        )
    headers = as_user("ann", "student")
    body = {"filters": {"exam_code": exam} | wanted, "adaptive": False}
    quiz = client.post("/v1/quizzes", json=body, headers=headers)
    assert quiz.status_code == 201, quiz.text
    found = client.get(f"/v1/quizzes/{quiz.json()['quiz_id']}/next", headers=headers)
    assert found.json()["question_id"] == item
    _, refused = begin(client, as_user, exam, topics=[topic, 10**12])
    assert (refused.status_code, str(10**12) in refused.text) == (422, True)


def test_banks_that_were_not_asked_for_longest_go_first(world, exam):
    async def work() -> list[float]:
        database = Database(world.settings, ApiSettings.load())
        await database.open()
        kept = Banks(database, b"key", 180_000)  # bytes: room for ``core`` alone
        before, counts = loads(), []
        for code in ("core", "core", exam, exam, "core"):
            await kept.get("demo", code)
            counts.append(loads() - before)
        assert kept.standing() == (1, 0.0)
        held = [
            REGISTRY.get_sample_value("qbank_api_bank_items", {"exam_code": code})
            for code in ("core", exam)
        ]
        assert held == [120, 0]
        await kept.close()
        await database.close()
        return counts

    assert asyncio.run(work()) == [1, 1, 2, 2, 3]


def test_an_exam_of_before_is_not_served_under_its_code(client, as_user, world, exam):
    """Versions begin anew with an exam that is deleted and made again."""
    for _ in range(3):
        change(world, SH_P, exam=exam)
    first_items(client, as_user, exam)
    with world.connect() as conn:
        for table in ("user_responses", "quiz_items"):
            conn.execute(f"DELETE FROM {table}")  # noqa: S608
        for table in (
            "quiz_sessions",
            "exposure_daily",
            "item_exposure_control",
            "item_calibration",
            "question_publications",
            "exams",
        ):
            conn.execute(f"DELETE FROM {table} WHERE exam_code = %s", (exam,))  # noqa: S608
        ids = add_items(conn, "demo", [world.topics["physics"]], 12)
        add_exam(conn, "demo", exam, ids)
    assert first_items(client, as_user, exam)[0] in ids


@pytest.mark.slow
def test_no_worker_serves_an_item_while_it_is_withdrawn(world, as_user, exam, start_server):
    """Items come and go ten times a second, students answer meanwhile, by two workers."""
    server = start_server(QBANK_API_WORKERS="2")
    until, refused = time.monotonic() + 6, []

    def student(n: int) -> int:
        headers, served = as_user(f"racer-{n}-{exam}", "student"), 0
        with httpx.Client(base_url=f"{server.url}/v1", headers=headers) as http:
            while time.monotonic() < until:
                body = {"filters": {"exam_code": exam, "num_questions": 5}}
                quiz = http.post("/quizzes", json=body).json()["quiz_id"]
                for _ in range(5):
                    found = http.get(f"/quizzes/{quiz}/next")
                    if found.status_code != 200:
                        refused.append(found.text)
                        break
                    served += 1
                    item = {"question_id": found.json()["question_id"], "selected": "A"}
                    assert http.post(f"/quizzes/{quiz}/answers", json=item).status_code == 200
        return served

    with ThreadPoolExecutor(4) as students, world.connect(autocommit=True) as conn:
        racing = [students.submit(student, n) for n in range(4)]
        questions = "SELECT question_id FROM question_publications WHERE exam_code = %s"
        items = [row[0] for row in conn.execute(questions, (exam,)).fetchall()]
        away: list[tuple[int, Any, Any]] = []
        for n in range(10**6):
            if time.monotonic() > until:
                break
            item = items[n % 6]
            conn.execute("UPDATE questions SET is_deleted = true WHERE id = %s", (item,))
            since = conn.execute("SELECT clock_timestamp()").fetchone()[0]
            time.sleep(0.08)
            before = conn.execute("SELECT clock_timestamp()").fetchone()[0]
            conn.execute("UPDATE questions SET is_deleted = false WHERE id = %s", (item,))
            away.append((item, since, before))
        assert sum(r.result() for r in racing) > 100
        wrong = conn.execute(
            """SELECT i.question_id, i.served_at FROM quiz_items AS i
            JOIN quiz_sessions AS s ON s.id = i.quiz_id AND s.exam_code = %s
            JOIN unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
                AS away (item, since, before)
            ON away.item = i.question_id AND i.served_at BETWEEN away.since AND away.before""",
            (exam, *map(list, zip(*away, strict=True))),
        ).fetchall()
    assert (len(away) > 30, refused, wrong) == (True, [], [])


def test_the_page_says_how_old_a_bank_may_be():
    page = Path("docs/api/operation.md").read_text()
    assert f"a bank that was behind for {banks.MAX_BEHIND_S:.0f} seconds serves no request" in page
    assert (banks.PAUSE_S, "at most one a second of\nan exam" in page) == (1, True)
    assert f"tried again after 2, 4, … {banks.LONGEST_PAUSE_S:.0f} s" in page


def test_postgres_shows_what_changed_to_its_tenant_alone(world, exam):
    with connect("delivery", settings=world.settings) as conn:
        for tenant, is_theirs in (("demo", True), ("other", False), ("", False)):
            conn.execute("SELECT set_config('qbank.tenant_id', %s, false)", (tenant,))
            sql = "SELECT EXISTS (SELECT FROM bank_changes WHERE exam_code = %s)"
            assert conn.execute(sql, (exam,)).fetchone() == (is_theirs,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM bank_changes")
