"""A client of the first designs goes their whole way over the real API, and its docs say how."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.quizzes import enrolment
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from qbank.cli import exams as command
from qbank.exams import administering
from qbank.requests import SympsonHetter
from qbank.stores import audit, default_exam, item_bank, runs, topic_names
from qbank_orchestration.engine import exposure, population, publication
from tests.delivery_api.conftest import FREE, add_exam, add_items

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api" / "first-clients.md"
OPTIONS = [
    {"label": "A", "text_md": "three", "is_correct": False},
    {"label": "B", "text_md": "one", "is_correct": True},
]


@pytest.fixture(scope="module")
def client(world) -> Iterator[TestClient]:
    """As in development, where there is a login."""
    api = ApiSettings.load().model_copy(update={"env": "dev"})
    with TestClient(
        create_app(api, settings=world.settings), raise_server_exceptions=False
    ) as made:
        yield made


@pytest.fixture
def admin(as_user) -> dict[str, str]:
    return as_user("amy", "admin")


@pytest.fixture(scope="module")
def second(world) -> str:
    """A second exam, so that none is meant by itself."""
    with world.connect() as conn:
        add_exam(conn, "demo", "second", add_items(conn, "demo", [world.topics["acids"]], 5))
    return "second"


def make_quiz(client: Any, headers: dict[str, str], status: int = 201, **body: Any) -> Any:
    answer = client.post("/v1/quizzes", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def default_of(world: Any, code: str | None, tenant: str = "demo") -> None:
    with world.connect() as conn:
        default_exam.put(conn, tenant, code, audit=audit.noting(conn, tenant, "root"))


def test_their_whole_way(client, world, as_user):
    """Author → publish → quiz → next → answer → list → set → re-estimate → calibrate → CSV."""
    login = {"user_id": "amy", "roles": ["author", "reviewer", "admin"], "tenant_id": "solo"}
    signed = client.post("/v1/auth/mock-login", json=login).json()
    assert set(signed["roles"]) == set(login["roles"])
    me = {"Authorization": f"Bearer {signed['access_token']}"}
    with world.connect() as conn:
        note = audit.noting(conn, "solo", "root")
        administering.create(conn, "solo", "only", {"test_length": 4, "tau": 0.9}, audit=note)
        administering.change(conn, "only", {"attempts": FREE}, audit=note)
    topic = client.post("/v1/author/topics", json={"name": "Cardiology"}, headers=me).json()
    ids = []
    for k in range(8):
        body = {
            "topic_name": "Cardiology",
            "exam_code": "only",
            "created_by": "amy",
            "stem_md": f"question {k}",
            "rationale_md": "it is so",
            "difficulty_label": "hard",
            "options": OPTIONS,
        }
        written = client.post("/v1/author/questions", json=body, headers=me)
        assert written.status_code == 201, written.text
        question = written.json()
        assert (question["versions"][0]["topic_id"], question["exam_code"]) == (topic["id"], "only")
        path = f"/v1/author/questions/{question['id']}/reviews"
        assert client.post(path, json={"status": "approved"}, headers=me).status_code == 201
        live = client.post(f"/v1/author/publish/{question['id']}", headers=me)
        assert live.json()["exam_code"] == "only", live.text
        ids.append(question["id"])
    calibrated(world, "only", ids)
    until_current_of_solo(client, world)

    quiz = make_quiz(
        client,
        me,
        tenant_id="solo",
        filters={"topics": ["Cardiology"], "difficulty": ["hard"], "mode": "tutor"},
        blueprint_quota={"Cardiology": 3},
        adaptive=True,
    )
    assert (quiz["num_questions"], quiz["question_ids"]) == (3, [])
    item = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=me).json()
    assert item["payload"] == {n: item[n] for n in ("stem_md", "lead_in", "assets", "options")}
    assert "is_correct" not in str(item)
    assert "it is so" not in str(item)
    answer = {
        "question_id": item["question_id"],
        "selected": "b",
        "time_taken_ms": 4000,
        "client_latency_ms": 120,
    }
    told = client.post(f"/v1/quizzes/{quiz['quiz_id']}/answers", json=answer, headers=me).json()
    assert (told["correct"], told["correct_option"], told["difficulty"]) == (True, "B", "hard")
    shown = client.get(f"/v1/quizzes/{quiz['quiz_id']}", headers=me).json()
    assert shown["question_ids"] == [item["question_id"]]

    path = "/v1/admin/exposure"
    listed = client.get(f"{path}/items?exam=only&limit=50&search=question", headers=me).json()
    assert {row["topic_id"] for row in listed["items"]} == {topic["id"]}
    assert {row["recent_attempts"] for row in listed["items"]} == {None}  # no marts here
    by_hand = {"question_id": ids[0], "version": 1, "sh_p": 0.5, "note": "seen"}
    assert client.post(f"{path}/set", json=by_hand, headers=me).status_code == 200
    again = client.post(
        f"{path}/reestimate", json={"tau": 0.9, "days": 7, "dry_run": True}, headers=me
    )
    assert len(again.json()["run_ids"]) == 1
    start = {
        "exam_code": "only",
        "tau": 0.7,
        "n": 2000,
        "iters": 15,
        "theta_dist": "normal(0,1)",
        "seed": 5,
        "topic_weights": {"Cardiology": 1},
    }
    started = client.post(f"{path}/calibrate_sh/start", json=start, headers=me).json()
    assert started["job_id"] == started["run_id"]
    carry_out(world, started["run_id"])
    status = client.get(
        f"{path}/calibrate_sh/status", params={"job_id": started["job_id"]}, headers=me
    ).json()
    assert status["state"] == "done", status
    assert status["current_iter"] > 0
    updated, changes = status["result"]["updated"], status["result"]["diff"]
    assert updated == len(changes) > 0
    runs_of = client.get(
        f"{path}/calibrate_sh/runs?exam_code=only&start=2025-08-01&end=2125-08-01", headers=me
    ).json()
    assert {r["id"]: r["result"] and r["result"]["updated"] for r in runs_of["items"]} == {
        again.json()["run_ids"][0]: None,
        started["run_id"]: updated,
    }
    run = client.get(f"{path}/calibrate_sh/runs/{started['run_id']}", headers=me).json()
    assert run["result"]["diff"] == changes
    text = client.get(f"{path}/calibrate_sh/runs/{started['run_id']}/diff.csv", headers=me).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted((int(r["qid"]), float(r["sh_p_after"])) for r in rows) == sorted(
        (change["question_id"], change["sh_p_after"]) for change in changes
    )
    sizes = [abs(change["delta"]) for change in changes]
    assert sizes == sorted(sizes, reverse=True)


def calibrated(world: Any, exam: str, ids: list[int]) -> None:
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO item_calibration
                (exam_code, question_id, version, model, a, b, c, n_respondents, converged)
            SELECT %s, q, 1, '2pl', 1, (k - 4) / 3.0, 0, 1000, true
            FROM unnest(%s::bigint[]) WITH ORDINALITY AS p (q, k)""",
            (exam, ids),
        )


def until_current_of_solo(client: TestClient, world: Any) -> None:
    """The process may have looked at the exam before it had items."""
    with world.connect() as conn:
        version = item_bank.bank_version(conn, "only")
    assert client.portal is not None
    client.portal.call(Services.of(client.app).banks.current, "solo", "only", version)


def carry_out(world: Any, run_id: str) -> None:
    """What the orchestrator does with a run that was asked for."""
    run = uuid.UUID(run_id)
    with world.connect(role="orchestration") as conn:
        runs.claim(conn, run, orchestrator_run_id="r")
        row = runs.get(conn, run)
        pool = item_bank.load(conn, row.exam_code)
        topics = item_bank.topics(conn, pool.exam.tenant_id)
        request = SympsonHetter.model_validate(row.params | {"exam_code": row.exam_code})
        people = population.of_exam(conn, pool.exam, request)
        done = exposure.calibrate(
            pool, topics, request, people, lambda entry: runs.progress(conn, run, [entry])
        )
        assert isinstance(done, exposure.ExposureProposal)
        findings = publication.propose(
            conn,
            run,
            done.as_result(),
            input_fingerprint=done.input_fingerprint,
            seed=request.seed,
        )
        assert [f for f in findings if f.blocking and not f.passed] == []
        assert publication.publish(conn, run).status == "done"


def test_an_exam_that_is_not_named_is_the_only_one_or_the_default(client, world, as_user, second):
    ann, amy = as_user("ann", "student"), as_user("amy", "admin")
    refused = make_quiz(client, ann, 422, filters={"num_questions": 2})
    assert "several exams and no default" in refused["detail"]
    assert "core" not in refused["detail"]  # students are not told of exams without items
    there = {"exam_code": "core"}
    put = client.put("/v1/admin/default-exam", json=there, headers=amy)
    assert put.json() == {"exam_code": "core", "in_force": "core"}
    made = make_quiz(client, ann, filters={"num_questions": 2})
    shown = client.get(f"/v1/quizzes/{made['quiz_id']}", headers=ann).json()
    assert shown["exam_code"] == "core"
    # another takes its place, in one transaction and with a word of each in the audit log
    client.put("/v1/admin/default-exam", json={"exam_code": second}, headers=amy)
    audits = client.get("/v1/admin/audit", params={"action": "exam.default"}, headers=amy).json()
    assert {(a["target"], a["details"]["is_default"]) for a in audits["items"][:2]} == {
        ("exam=core", False),
        ("exam=second", True),
    }
    unknown = client.put("/v1/admin/default-exam", json={"exam_code": "theirs"}, headers=amy)
    assert unknown.status_code == 404
    none = client.put("/v1/admin/default-exam", json={"exam_code": None}, headers=amy)
    assert none.json() == {"exam_code": None, "in_force": None}
    make_quiz(client, ann, 422, filters={"num_questions": 2})
    # a tenant with one exam needs none
    theirs = as_user("bob", "student", tenant="other")
    made = make_quiz(client, theirs, filters={"num_questions": 2}, tenant_id="other")
    assert made["num_questions"] == 2
    # by hand, as the command does
    default_of(world, "core")
    assert make_quiz(client, ann, filters={"num_questions": 2})["num_questions"] == 2
    default_of(world, None)


def test_a_question_is_published_where_it_is_written_for(client, world, as_user, second):
    author = as_user("amy", "admin")
    body = {"topic_name": "acids", "stem_md": "?", "options": OPTIONS}
    for exam, status in (("core", 200), (None, 422)):
        given = body if exam is None else body | {"exam_code": exam}
        question = client.post("/v1/author/questions", json=given, headers=author).json()["id"]
        path = f"/v1/author/questions/{question}/reviews"
        client.post(path, json={"status": "approved"}, headers=author)
        done = client.post(f"/v1/author/publish/{question}", headers=author)
        assert done.status_code == status, done.text
        assert status == 422 or done.json()["exam_code"] == exam
    missing = client.post(
        "/v1/author/questions", json=body | {"exam_code": "theirs"}, headers=author
    )
    assert missing.status_code == 404


@pytest.fixture(scope="module")
def twice(world) -> list[int]:
    """Two topics of one name."""
    with world.connect() as conn:
        return [
            conn.execute(
                "INSERT INTO topics (tenant_id, parent_id, name) VALUES ('demo', %s, 'heat')"
                " RETURNING id",
                (world.topics[parent],),
            ).fetchone()[0]
            for parent in ("physics", "chemistry")
        ]


def test_a_topic_that_cannot_be_told_is_refused_with_what_is_near(client, world, as_user, twice):
    admin = as_user("amy", "admin")
    question = {"stem_md": "?", "options": OPTIONS}
    quiz = {"exam_code": "core", "num_questions": 2}
    sent = [
        ("/v1/author/questions", lambda name: question | {"topic_name": name}),
        ("/v1/quizzes", lambda name: {"filters": quiz | {"topics": ["acids", name]}}),
        ("/v1/quizzes", lambda name: {"filters": quiz, "blueprint_quota": {name: 1}}),
        (
            "/v1/admin/exposure/calibrate_sh/start",
            lambda name: {"exam_code": "core", "topic_weights": {name: 1, "acids": 1}},
        ),
    ]
    for path, body in sent:
        answer = client.post(path, json=body("Fysics"), headers=admin)
        assert answer.status_code == 422, (path, answer.text)
        detail = answer.json()["detail"]
        assert "'Fysics'" in detail
        assert "'physics'" in detail
        assert "'acids'" not in detail
        answer = client.post(path, json=body("heat"), headers=admin)
        assert answer.status_code == 422, (path, answer.text)
        places = [f"{twice[0]} is science > physics > heat", f"{twice[1]} is science > chemistry"]
        assert all(place in answer.json()["detail"] for place in places)
    # a topic of another tenant is none, by name and by id
    stranger = as_user("bob", "admin", tenant="other")
    named = make_quiz(client, stranger, 422, filters={"topics": ["physics"]})
    assert named["type"].endswith("no-such-topic")
    assert "nearest" not in named["detail"]
    make_quiz(client, stranger, 422, filters={"topics": [world.topics["physics"]]})


@pytest.mark.parametrize("adaptive", [True, False])
def test_a_quota_by_topic_is_kept(client, world, as_user, adaptive):
    ann = as_user(f"quota-{adaptive}", "student")
    acids, physics = world.topics["acids"], world.topics["physics"]
    body = {
        "filters": {"exam_code": "core", "num_questions": 5},
        "adaptive": adaptive,
        "blueprint_quota": {"acids": 1, str(physics): 3},
    }
    refused = make_quiz(client, ann, 409, **body)
    assert "wants 1 items of other topics, 0 fit" in refused["detail"]
    body["blueprint_quota"]["acids"] = 2
    quiz = make_quiz(client, ann, **body)["quiz_id"]
    for _ in range(5):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=ann).json()["question_id"]
        answer = {"question_id": item, "selected": "a"}
        client.post(f"/v1/quizzes/{quiz}/answers", json=answer, headers=ann)
    with world.connect() as conn:
        topics = conn.execute(
            """SELECT v.topic_id FROM quiz_items AS i
            JOIN question_versions AS v USING (question_id, version) WHERE i.quiz_id = %s""",
            (quiz,),
        ).fetchall()
    assert sorted(row[0] for row in topics) == sorted([acids] * 2 + [physics] * 3)
    more = {"filters": {"exam_code": "core", "num_questions": 2}, "blueprint_quota": {"acids": 3}}
    assert "adds up to 3 items" in make_quiz(client, ann, 422, **more)["detail"]
    most = {"filters": {"exam_code": "core"}, "blueprint_quota": {"acids": 61, "physics": 60}}
    assert "at most 120" in make_quiz(client, ann, 422, **most)["detail"]


def test_an_idempotency_key_knows_names_and_quotas(client, world, as_user):
    headers = as_user("ida", "student") | {"Idempotency-Key": "first-clients-1"}
    filters = {"exam_code": "core", "num_questions": 2, "topics": ["acids"]}
    first = make_quiz(client, headers, filters=filters)
    same = make_quiz(client, headers, filters=filters | {"topics": [world.topics["acids"]]})
    assert same["quiz_id"] == first["quiz_id"]
    make_quiz(client, headers, 422, filters=filters, blueprint_quota={"acids": 2})


def test_a_request_is_the_same_when_the_default_is_another(client, world, as_user, second):
    headers = as_user("ida", "student") | {"Idempotency-Key": "first-clients-2"}
    default_of(world, "core")
    first = make_quiz(client, headers, filters={"num_questions": 2})
    default_of(world, second)
    same = make_quiz(client, headers, filters={"num_questions": 2})
    assert same["quiz_id"] == first["quiz_id"]
    make_quiz(client, headers, 422, filters={"num_questions": 2, "exam_code": second})
    default_of(world, None)


def test_nobody_is_named_but_the_caller(client, as_user):
    admin = as_user("amy", "admin")
    question = {"topic_name": "acids", "stem_md": "?", "options": OPTIONS}
    by_other = client.post(
        "/v1/author/questions", json=question | {"created_by": "bob"}, headers=admin
    )
    assert by_other.status_code == 422
    assert "created_by is 'bob' and the token's is 'amy'" in by_other.json()["detail"]
    quiz = make_quiz(client, admin, 422, filters={"exam_code": "core"}, tenant_id="other")
    assert "tenant_id is 'other' and the token's is 'demo'" in quiz["detail"]
    twice = client.post("/v1/author/questions", json=question | {"topic_id": 1}, headers=admin)
    assert "give the topic once" in twice.json()["detail"]


def test_an_administrator_practises_by_the_exams_policy_and_sits_nothing(client, world, as_user):
    admin, student = as_user("boss", "admin"), as_user("boss", "student")
    with world.connect() as conn:
        ids = add_items(conn, "demo", [world.topics["acids"]], 4)
        sittings_alone = {"modes": ["exam"], "max_attempts": 1}
        add_exam(conn, "demo", "sealed", ids, attempts=sittings_alone)
    filters = {"exam_code": "sealed", "num_questions": 2}
    refused = make_quiz(client, admin, 403, filters=filters | {"mode": "exam"})
    assert "needs the role student" in refused["detail"]
    assert make_quiz(client, admin, 409, filters=filters)["type"].endswith("mode-not-given")
    # in a sitting nothing is told, of what is to come, of the key or of how hard an item is
    quiz = make_quiz(client, student, filters=filters | {"mode": "exam"})
    path = f"/v1/quizzes/{quiz['quiz_id']}"
    assert quiz["question_ids"] == []
    item = client.get(f"{path}/next", headers=student).json()
    answer = {"question_id": item["question_id"], "selected": "a", "client_latency_ms": 3}
    told = client.post(f"{path}/answers", json=answer, headers=student).json()
    assert (told["difficulty"], told["correct"], told["explanation"]) == (None, None, None)
    shown = client.get(path, headers=student).json()
    assert shown["question_ids"] == [item["question_id"]]
    # the attempt that was used is used for the same person as an administrator
    assert client.get(f"{path}/next", headers=admin).status_code == 200
    client.post(f"{path}/finish", headers=admin)
    again = make_quiz(client, student, 409, filters=filters | {"mode": "exam"})
    assert again["type"].endswith("no-attempt-left")
    # practice with a key in sight: it is kept from whoever has the quiz open
    mine = make_quiz(client, admin, filters={"exam_code": "core", "num_questions": 1})
    item = client.get(f"/v1/quizzes/{mine['quiz_id']}/next", headers=admin).json()
    key = client.get(f"/v1/author/questions/{item['question_id']}", headers=admin)
    assert key.status_code == 409


def test_the_delay_of_a_connection_is_measured_and_says_nothing_of_the_answer(
    client, world, as_user, scraper
):
    ann = as_user("slow", "student")
    quiz = make_quiz(client, ann, filters={"exam_code": "core", "num_questions": 1})["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=ann).json()["question_id"]
    before = latencies(client, scraper)
    body = {"question_id": item, "selected": "a", "client_latency_ms": 86_000_000}
    client.post(f"/v1/quizzes/{quiz}/answers", json=body, headers=ann)
    assert latencies(client, scraper) == before + 1
    with world.connect() as conn:
        kept = conn.execute("SELECT time_taken_ms FROM user_responses WHERE quiz_id = %s", (quiz,))
        assert kept.fetchone() == (None,)


def latencies(client: Any, scraper: dict[str, str]) -> float:
    text = client.get("/metrics", headers=scraper).text
    found = re.search(r"^qbank_api_client_latency_seconds_count (\S+)", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_names_cost_one_statement_and_ids_none(client, world, as_user, monkeypatch):
    asked: list[str] = []
    real, execute = enrolment.found, psycopg.AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        asked.append("a statement")
        return await execute(cursor, query, *args, **options)

    async def counting(conn: Any, caller: Any, sent: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(psycopg.AsyncCursor, "execute", counted)
            return await real(conn, caller, sent)

    monkeypatch.setattr(enrolment, "found", counting)
    ann = as_user("cost", "student")
    default_of(world, "core")
    for filters, statements in (
        ({"exam_code": "core", "topics": [world.topics["acids"]]}, 0),
        ({"exam_code": "core", "topics": ["acids", "physics"]}, 1),
        ({}, 1),
    ):
        make_quiz(client, ann, filters={"num_questions": 2} | filters)
        assert len(asked) == statements, filters
        asked.clear()
    default_of(world, None)
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO topics (tenant_id, name)
            SELECT 'demo', 'topic ' || k FROM generate_series(1, 3000) AS k"""
        )
        conn.execute("ANALYZE topics")
        named = topic_names.parameters("demo", ["acids"])
        plan = str(conn.execute(f"EXPLAIN {topic_names.NAMED}", named).fetchall())
        conn.rollback()
    for index in ("topics_tenant_id_name_idx", "topics_tenant_id_blueprint_code_idx"):
        assert index in plan
    assert "Seq Scan" not in plan


def test_every_path_and_field_of_the_table_is_there(client):
    document = client.get("/openapi.json").json()
    text = PAGE.read_text()
    sent, answered = text.split("## Answered")
    rows = [
        (side, row)
        for side, part in (("sent", sent), ("answered", answered))
        for row in re.findall(r"^\| `([A-Z]+) (/\S+)` \| (.+?) \|", part, re.MULTILINE)
    ]
    assert len(rows) > 35
    for side, (method, path, names) in rows:
        operation = document["paths"][f"/v1{path}"][method.lower()]
        if path.endswith(".csv"):
            continue
        for name in re.findall(r"`([a-z_.]+)`", names):
            assert has(document, operation, side, name), (side, method, path, name)


def has(document: Any, operation: Any, side: str, name: str) -> bool:
    """Whether a request has a parameter or a field, or its answer a field, of a dotted name."""
    if side == "sent":
        if name in {each["name"] for each in operation.get("parameters", ())}:
            return True
        content = operation.get("requestBody", {}).get("content", {})
    else:
        status = min(status for status in operation["responses"] if status < "300")
        content = operation["responses"][status]["content"]
    level = [body["schema"] for body in content.values()]
    for part in name.split("."):
        level = [
            schema["properties"][part]
            for schema in every(document, level)
            if part in schema.get("properties", {})
        ]
    return bool(level)


def every(document: Any, schemas: list[Any]) -> Iterator[Any]:
    """Schemas with those that they refer to, are one of, or are lists of."""
    for schema in schemas:
        yield schema
        inner = [*schema.get("anyOf", ()), *filter(None, [schema.get("items")])]
        if "$ref" in schema:
            inner.append(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        yield from every(document, inner)


def test_the_command_sets_and_shows_it(world, second, monkeypatch, capsys):
    def connect(role: str) -> Any:
        return world.connect(role=role)

    monkeypatch.setattr("qbank.postgres.connect", connect)
    command.default_("core", tenant="demo", as_json=True)
    assert '"in_force": "core"' in capsys.readouterr().out
    command.default_(None, tenant="demo")
    assert "core" in capsys.readouterr().out
    command.default_(None, tenant="demo", none=True, as_json=True)
    assert '"in_force": null' in capsys.readouterr().out
