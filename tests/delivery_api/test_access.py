"""Who may do what: every route × role × tenant × owner, and the wall in Postgres behind it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.issuers import ROLES
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from qbank.postgres import connect
from qbank.stores import data_requests, runs
from qbank.vocabulary import Scope, words

TAKER = {"student", "admin"}
AUTHOR = {"author", "admin"}
EDITOR = {"author", "reviewer", "publisher", "admin"}
PUBLISHER = {"publisher", "admin"}
ANALYST = {"analyst", "admin"}
READER = {"analyst", "author", "reviewer", "publisher", "admin"}
ADMIN = {"admin"}
ANY = set(ROLES)
OPEN = {"/health", "/ready", "/metrics", "/oauth/token", "/v1/auth/launch"}

# who passes each route; a route that is missing here fails the test below
MAY: dict[str, set[str]] = {
    "POST /v1/quizzes": TAKER,
    "GET /v1/quizzes": TAKER,
    "GET /v1/quizzes/{quiz_id}": TAKER,
    "GET /v1/quizzes/{quiz_id}/next": TAKER,
    "POST /v1/quizzes/{quiz_id}/answers": TAKER,
    "POST /v1/quizzes/{quiz_id}/events": TAKER,
    "POST /v1/quizzes/{quiz_id}/finish": TAKER,
    "GET /v1/exams": ANY,
    "POST /v1/exams": ADMIN,
    "GET /v1/exams/{exam_code}": ANALYST,
    "PATCH /v1/exams/{exam_code}": ADMIN,
    "GET /v1/exams/{exam_code}/blueprint": EDITOR,
    "PUT /v1/exams/{exam_code}/blueprint": ADMIN,
    "GET /v1/exams/{exam_code}/items": EDITOR,
    "POST /v1/exams/{exam_code}/imports": ADMIN,
    "POST /v1/exams/{exam_code}/imports/items": ADMIN,
    "POST /v1/exams/{exam_code}/imports/keyed": ADMIN,
    "GET /v1/exams/{exam_code}/comparison": ANALYST,
    "POST /v1/exams/{exam_code}/comparison": ADMIN,
    "GET /v1/exams/{exam_code}/report": ANALYST,
    "POST /v1/exams/{exam_code}/report": ADMIN,
    "GET /v1/exams/{exam_code}/report/files/{form}": ANALYST,
    "GET /v1/exams/{exam_code}/report/requests/{request_id}": ANALYST,
    "GET /v1/imports": ADMIN,
    "GET /v1/imports/{import_id}": ADMIN,
    "GET /v1/imports/{import_id}/rejects": ADMIN,
    "POST /v1/imports/{import_id}/undo": ADMIN,
    "GET /v1/author/questions": EDITOR,
    "POST /v1/author/questions": AUTHOR,
    "GET /v1/author/questions/{question_id}": EDITOR,
    "PUT /v1/author/questions/{question_id}/versions": AUTHOR,
    "POST /v1/author/questions/{question_id}/reviews": EDITOR,
    "POST /v1/author/questions/{question_id}/retire": PUBLISHER,
    "POST /v1/author/publish/{question_id}": PUBLISHER,
    "GET /v1/author/topics": ANY,
    "POST /v1/author/topics": AUTHOR,
    "GET /v1/results/items": READER,
    "GET /v1/results/topics/{user}": ANY,
    "GET /v1/results/coverage/{exam_code}": READER,
    "GET /v1/results/exams/{exam_code}/exposure": READER,
    "GET /v1/results/exams/{exam_code}/fairness": READER,
    "GET /v1/results/exams/{exam_code}/fit": READER,
    "GET /v1/results/flags": READER,
    "GET /v1/results/flags/changes": READER,
    "GET /v1/results/flags/history": READER,
    "POST /v1/results/flags/decisions": READER,
    "GET /v1/admin/default-exam": ANALYST,
    "PUT /v1/admin/default-exam": ADMIN,
    "GET /v1/admin/exposure/items": ANALYST,
    "POST /v1/admin/exposure/set": ADMIN,
    "POST /v1/admin/exposure/reestimate": ADMIN,
    "GET /v1/admin/exposure/history": ANALYST,
    "POST /v1/admin/exposure/calibrate_sh/start": ADMIN,
    "GET /v1/admin/exposure/calibrate_sh/status": ANALYST,
    "POST /v1/admin/exposure/calibrate_sh/cancel": ADMIN,
    "GET /v1/admin/exposure/calibrate_sh/defaults": ANALYST,
    "GET /v1/admin/exposure/calibrate_sh/runs": ANALYST,
    "GET /v1/admin/exposure/calibrate_sh/runs/{run_id}": ANALYST,
    "GET /v1/admin/exposure/calibrate_sh/runs/{run_id}/diff.csv": ANALYST,
    "POST /v1/admin/exposure/calibrate_sh/runs/{run_id}/rollback": ADMIN,
    "GET /v1/admin/flags": ANALYST,
    "PUT /v1/admin/flags/{key}": ADMIN,
    "GET /v1/admin/cohorts": ANALYST,
    "PUT /v1/admin/cohorts/{cohort_key}": ADMIN,
    "DELETE /v1/admin/cohorts/{cohort_key}/{user_id}": ADMIN,
    "GET /v1/admin/sittings": ANALYST,
    "GET /v1/admin/sittings/{quiz_id}": ANALYST,
    "POST /v1/admin/sittings/{quiz_id}/extend": ADMIN,
    "POST /v1/admin/sittings/{quiz_id}/void": ADMIN,
    "POST /v1/admin/sittings/{quiz_id}/reset": ADMIN,
    "POST /v1/admin/sittings/{quiz_id}/restore": ADMIN,
    "GET /v1/admin/lti/scores": ANALYST,
    "POST /v1/admin/people/exports": ADMIN,
    "POST /v1/admin/people/erasures": ADMIN,
    "GET /v1/admin/people/requests": ADMIN,
    "GET /v1/admin/people/requests/{request_id}": ADMIN,
    "GET /v1/admin/people/requests/{request_id}/document": ADMIN,
    "GET /v1/admin/audit": ADMIN,
    "GET /v1/me": ANY,
}

# which scope of a service account passes; where every role does, every scope does
SCOPED = {
    "POST /v1/exams": "exams",
    "GET /v1/exams/{exam_code}": "exams",
    "PATCH /v1/exams/{exam_code}": "exams",
    "GET /v1/exams/{exam_code}/blueprint": "exams",
    "PUT /v1/exams/{exam_code}/blueprint": "exams",
    "GET /v1/exams/{exam_code}/items": "exports",
    "POST /v1/exams/{exam_code}/imports": "imports",
    "POST /v1/exams/{exam_code}/imports/items": "imports",
    "POST /v1/exams/{exam_code}/imports/keyed": "imports",
    "GET /v1/imports": "imports",
    "GET /v1/imports/{import_id}": "imports",
    "GET /v1/imports/{import_id}/rejects": "imports",
    "POST /v1/imports/{import_id}/undo": "imports",
    "GET /v1/results/items": "results",
    "GET /v1/results/topics/{user}": "results",
    "GET /v1/results/coverage/{exam_code}": "results",
    "GET /v1/results/exams/{exam_code}/exposure": "results",
    "GET /v1/results/exams/{exam_code}/fairness": "results",
    "GET /v1/results/exams/{exam_code}/fit": "results",
    "GET /v1/results/flags": "results",
    "GET /v1/results/flags/changes": "results",
    "GET /v1/results/flags/history": "results",
    "GET /v1/admin/sittings": "results",
    "GET /v1/admin/sittings/{quiz_id}": "results",
    "GET /v1/admin/lti/scores": "results",
}


# their bodies are files
FILES = {"POST /v1/exams/{exam_code}/imports", "POST /v1/exams/{exam_code}/imports/items"}
FILE = b"external_ref,stem,options,key\nq1,?,x|y,A\n"


@dataclass
class Probe:
    """A right request for every route, about things of the tenant ``demo`` and the student ann."""

    path: dict[str, str]
    params: dict[str, dict[str, Any]]
    body: dict[str, Any]

    def send(self, client: Any, route: str, headers: dict[str, str]) -> Any:
        method, path = route.split(" ")
        return client.request(
            method,
            path.format(**self.path),
            params=self.params.get(route),
            json=self.body.get(route),
            content=FILE if route in FILES else None,
            files={"file": FILE, "key": FILE} if route.endswith("/keyed") else None,
            headers=headers,
        )


@pytest.fixture(scope="module")
def probe(world, client, as_user) -> Probe:
    ann = as_user("ann", "student")
    quiz = client.post("/v1/quizzes", json={"filters": {"exam_code": "core"}}, headers=ann).json()
    item = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=ann).json()
    with world.connect() as conn:
        run = runs.create(
            conn, kind="sympson_hetter", exam_code="core", params={}, requested_by="t"
        )
        asked = data_requests.create(
            conn,
            tenant_id="demo",
            kind="items",
            exam="core",
            requested_by="t",
            file=data_requests.File("q.csv", len(FILE), "0" * 64),
        )
        about = data_requests.create(
            conn, tenant_id="demo", kind="person_export", person="ann", requested_by="t"
        )
        conn.execute(
            """INSERT INTO item_flags (exam_code, question_id, version, flag)
            VALUES ('core', %s, 1, 'is_drifted')""",
            (item["question_id"],),
        )
    options = [{"label": "A", "text_md": "x", "is_correct": True}, {"label": "B", "text_md": "y"}]
    question = {"topic_id": world.topics["acids"], "stem_md": "?", "options": options}
    run_id = str(run.id)
    return Probe(
        path={
            "quiz_id": quiz["quiz_id"],
            "question_id": str(item["question_id"]),
            "exam_code": "core",
            "user": "ann",
            "user_id": "ann",
            "key": "some_flag",
            "cohort_key": "colour",
            "run_id": run_id,
            "import_id": str(asked.id),
            "request_id": str(about.id),
            "form": "pdf",
        },
        params={
            "POST /v1/author/publish/{question_id}": {"exam_code": "core"},
            "GET /v1/admin/exposure/history": {"exam_code": "core"},
            "GET /v1/results/flags/history": {
                "exam_code": "core",
                "question_id": item["question_id"],
            },
            "GET /v1/admin/exposure/calibrate_sh/defaults": {"exam_code": "core"},
            "GET /v1/admin/exposure/calibrate_sh/status": {"job_id": run_id},
            "POST /v1/admin/exposure/calibrate_sh/cancel": {"job_id": run_id},
        },
        body={
            "POST /v1/quizzes": {"filters": {"exam_code": "core"}},
            "POST /v1/quizzes/{quiz_id}/answers": {
                "question_id": item["question_id"],
                "selected": "A",
            },
            "POST /v1/exams": {"exam_code": "probe"},
            "PUT /v1/admin/default-exam": {"exam_code": "core"},
            "PATCH /v1/exams/{exam_code}": {"tau": 0.2},
            "PUT /v1/exams/{exam_code}/blueprint": [],
            "POST /v1/exams/{exam_code}/report": {"cuts": [0.5]},
            "POST /v1/author/questions": question,
            "PUT /v1/author/questions/{question_id}/versions": question,
            "POST /v1/author/questions/{question_id}/reviews": {"status": "pending"},
            "POST /v1/author/topics": {"name": "probe", "parent_id": world.topics["science"]},
            "POST /v1/admin/exposure/set": {
                "question_id": item["question_id"],
                "version": 1,
                "sh_p": 0.5,
                "exam_code": "core",
            },
            "POST /v1/results/flags/decisions": {
                "exam_code": "core",
                "question_id": item["question_id"],
                "version": 1,
                "flag": "is_drifted",
                "action": "acknowledged",
                "reason": "a probe",
            },
            "POST /v1/admin/exposure/reestimate": {"exam_code": "core"},
            "POST /v1/admin/exposure/calibrate_sh/start": {"exam_code": "core"},
            "PUT /v1/admin/flags/{key}": {"enabled": True, "value_json": 1},
            "POST /v1/admin/sittings/{quiz_id}/extend": {"minutes": 5},
            "POST /v1/admin/sittings/{quiz_id}/void": {"why": "a probe"},
            "POST /v1/admin/sittings/{quiz_id}/reset": {"why": "a probe"},
            "POST /v1/admin/sittings/{quiz_id}/restore": {"why": "a probe"},
            "POST /v1/admin/people/exports": {"user_id": "ann"},
            "POST /v1/admin/people/erasures": {"user_id": "ann"},
            "PUT /v1/admin/cohorts/{cohort_key}": {"user_ids": ["ann"], "value": "red"},
        },
    )


def routes(client: TestClient) -> list[str]:
    paths = client.get("/openapi.json").json()["paths"]
    return [
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method in operations
        if path not in OPEN
    ]


def test_every_route_is_in_the_matrix(client):
    assert sorted(routes(client)) == sorted(MAY)


def test_without_a_token_nothing_opens(client, probe):
    for route in MAY:
        assert probe.send(client, route, {}).status_code == 401, route


def test_a_role_passes_its_routes_and_no_others(client, probe, as_user):
    """Strangers to the role get 403 and nothing else; the role's own routes never say 403."""
    for role in sorted(ROLES):
        for route, allowed in MAY.items():
            # ann's own quiz must stay open while others are probed
            if role in allowed and route.endswith("/finish"):
                continue
            status = probe.send(client, route, as_user("ann", role)).status_code
            if role in allowed:
                assert status not in (401, 403), (route, role, status)
                assert status < 500, (route, role, status)
            else:
                assert status == 403, (route, role, status)


def test_a_scope_passes_its_routes_and_no_others(client, probe, as_account):
    told = client.get("/openapi.json").json()["paths"]
    for scope in words(Scope):
        account = as_account(scope)
        for route, roles in MAY.items():
            method, path = route.split(" ")
            status = probe.send(client, route, account).status_code
            if SCOPED.get(route) == scope or (route not in SCOPED and roles == ANY):
                assert status not in (401, 403), (route, scope, status)
                assert status < 500, (route, scope, status)
                ways = told[path][method.lower()]["security"]
                assert {"service_account": [scope]} in ways or {"service_account": []} in ways
            else:
                assert status == 403, (route, scope, status)


def test_no_route_shows_or_changes_another_tenants_things(client, probe, as_user, world):
    """A caller of another tenant with every role: all that is named is not there."""
    stranger = as_user("ann", *ROLES, tenant="other")
    before = snapshot(world)
    for route in MAY:
        answer = probe.send(client, route, stranger)
        where = (route, answer.status_code, answer.text[:200])
        if route in LISTINGS:
            # before the marts are built, results are not there for anybody
            assert answer.status_code == 200 or route.startswith("GET /v1/results"), where
            assert answer.status_code == 404 or LISTINGS[route](answer.json()), where
        elif route in OWN:
            assert answer.status_code in (200, 201, 202, 204), where
        else:
            assert answer.status_code in (404, 422), where
    assert snapshot(world) == before


def empty(page: Any) -> bool:
    return (page["items"] if isinstance(page, dict) else page) == []


def theirs(page: Any) -> bool:
    return all("stem 1 " not in str(row) and "physics" not in str(row) for row in page["items"])


LISTINGS = {
    "GET /v1/exams": lambda page: [row["exam_code"] for row in page["items"]] == ["theirs"],
    "GET /v1/quizzes": empty,
    "GET /v1/admin/default-exam": lambda told: told["exam_code"] is None,
    "GET /v1/author/questions": theirs,
    "GET /v1/author/topics": theirs,
    "GET /v1/results/items": empty,
    "GET /v1/results/topics/{user}": empty,
    "GET /v1/results/coverage/{exam_code}": empty,
    "GET /v1/results/exams/{exam_code}/exposure": empty,
    "GET /v1/results/exams/{exam_code}/fairness": empty,
    "GET /v1/results/exams/{exam_code}/fit": empty,
    "GET /v1/results/flags": empty,
    "GET /v1/results/flags/changes": empty,
    "GET /v1/results/flags/history": empty,
    "GET /v1/admin/exposure/items": lambda page: all(
        row["exam_code"] == "theirs" for row in page["items"]
    ),
    "GET /v1/admin/exposure/calibrate_sh/runs": empty,
    "GET /v1/admin/flags": lambda flags: all(f["tenant_id"] != "demo" for f in flags),
    "GET /v1/admin/cohorts": empty,
    "GET /v1/admin/sittings": empty,
    "GET /v1/admin/lti/scores": empty,
    "GET /v1/imports": empty,
    "GET /v1/admin/people/requests": lambda page: all(
        row["requested_by"] == "ann" for row in page["items"]
    ),
    "GET /v1/admin/audit": lambda page: (
        all(
            row["target"].startswith(("flag=some_flag", "cohort=colour", "exam=probe", "request="))
            for row in page["items"]
        )
        and sum(row["action"] == "person.ask" for row in page["items"]) == 2
    ),
}
# these are about the caller, or write the caller's own rows, of the caller's own tenant
OWN = {
    "GET /v1/me",
    "POST /v1/exams",
    "POST /v1/admin/people/exports",
    "POST /v1/admin/people/erasures",
    "PUT /v1/admin/flags/{key}",
    "PUT /v1/admin/cohorts/{cohort_key}",
    "DELETE /v1/admin/cohorts/{cohort_key}/{user_id}",
}


def snapshot(world: Any) -> list[Any]:
    """Everything the tenant ``demo`` has, table by table, as digests."""
    queries = {
        "quiz_sessions": "tenant_id = 'demo'",
        "quiz_items": "true",
        "quiz_results": "true",
        "user_responses": "true",
        "questions": "tenant_id = 'demo'",
        "question_versions": "true",
        "question_reviews": "true",
        "question_publications": "tenant_id = 'demo'",
        "topics": "tenant_id = 'demo'",
        "exams": "tenant_id = 'demo'",
        "item_exposure_control": "exam_code = 'core'",
        "item_exposure_history": "exam_code = 'core'",
        "item_flag_decisions": "tenant_id = 'demo'",
        "calibration_runs": "exam_code = 'core'",
        "feature_flags": "tenant_id = 'demo'",
        "cohort_assignments": "tenant_id = 'demo'",
        "data_requests": "tenant_id = 'demo'",
        "audit_log": "tenant_id = 'demo'",
    }
    with world.connect() as conn:
        return [
            conn.execute(
                f"SELECT %s, count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) "  # noqa: S608
                f"FROM {table} AS t WHERE {where}",
                (table,),
            ).fetchone()
            for table, where in queries.items()
        ]


def test_results_of_others_need_a_role(client, as_user):
    for role, status in (("student", 403), ("author", 403), ("analyst", None), ("admin", None)):
        answer = client.get("/v1/results/topics/ben", headers=as_user("ann", role))
        assert (answer.status_code == 403) is (status == 403), role


def test_sql_in_every_text_field_is_only_text(client, as_user, world):
    before = snapshot(world)
    bombs = ["'; DROP TABLE questions; --", "%s", "$1", "\\", '"', "' OR '1'='1", "{}", "%(quiz)s"]
    admin = as_user("amy", "admin")
    for bomb in bombs:
        for path, params in (
            ("/v1/author/questions", {"q": bomb}),
            ("/v1/admin/exposure/items", {"search": bomb}),
            ("/v1/admin/audit", {"actor": bomb}),
            ("/v1/admin/cohorts", {"user_id": bomb}),
        ):
            answer = client.get(path, params=params, headers=admin)
            assert answer.status_code == 200, (path, bomb, answer.text)
            assert answer.json()["total"] == 0, (path, bomb)
        injected = as_user(bomb, "student", tenant=bomb)
        assert client.get("/v1/quizzes/none", headers=injected).status_code == 404
    assert snapshot(world) == before


# --- the second wall: what Postgres itself lets the API's role see and do


@pytest.fixture
def delivery(world):
    with connect("delivery", settings=world.settings) as conn:
        yield conn
        conn.rollback()


TENANT_TABLES = [
    "data_requests",
    "exam_reports",
    "topics",
    "exams",
    "questions",
    "question_versions",
    "question_options",
    "question_publications",
    "quiz_sessions",
    "quiz_items",
    "quiz_results",
    "item_calibration",
    "item_exposure_control",
    "item_flags",
    "item_flag_decisions",
    "bank_versions",
    "lti_platforms",
    "lti_people",
    "lti_launches",
    "lti_quizzes",
    "lti_scores",
]


def count(conn: psycopg.Connection[Any], table: str) -> int:
    return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608


def test_without_a_tenant_postgres_shows_nothing(delivery, probe):
    for table in TENANT_TABLES:
        assert count(delivery, table) == 0, table


def test_postgres_shows_a_tenant_its_own_rows_alone(delivery, world, probe):
    def seen(tenant: str) -> dict[str, int]:
        delivery.execute("SELECT set_config('qbank.tenant_id', %s, true)", (tenant,))
        return {table: count(delivery, table) for table in TENANT_TABLES}

    demo, other = seen("demo"), seen("other")
    assert demo["quiz_items"] >= 1
    assert other["quiz_items"] == 0
    with world.connect() as owner:
        for table in ("question_versions", "item_calibration", "exams"):
            assert demo[table] + other[table] == count(owner, table)
    assert seen("demo'; --") == dict.fromkeys(TENANT_TABLES, 0)


def test_postgres_refuses_to_write_for_another_tenant(delivery, world, probe):
    delivery.execute("SELECT set_config('qbank.tenant_id', 'other', false)")
    delivery.commit()
    for statement in (
        "INSERT INTO topics (tenant_id, name) VALUES ('demo', 'x')",
        "INSERT INTO feature_flags (key, enabled) VALUES ('for_all', true)",
        """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
            num_questions, expires_at) VALUES ('x', 'u', 'demo', 'tutor', true, 'core', 'vanilla',
            1, now() + interval '1 hour')""",
        f"""INSERT INTO quiz_items (quiz_id, question_id, version, position, selector)
            VALUES ('{probe.path["quiz_id"]}', {world.questions[50]}, 1, 50, 'vanilla')""",  # noqa: S608
        "INSERT INTO calibration_runs (kind, exam_code, requested_by) VALUES ('irt', 'core', 'x')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            delivery.execute(statement)
        delivery.rollback()
    changed = delivery.execute("UPDATE questions SET external_ref = 'r' || id").rowcount
    with world.connect() as owner:
        mine = owner.execute("SELECT count(*) FROM questions WHERE tenant_id = 'other'").fetchone()
    assert changed == mine[0]
    delivery.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM quiz_sessions",
        "DELETE FROM user_responses",
        "UPDATE user_responses SET is_correct = true",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET actor = 'x'",
        "UPDATE quiz_results SET theta = 3",
        "DELETE FROM quiz_results",
        "UPDATE item_calibration SET a = 1",
        "DELETE FROM item_exposure_control",
        "TRUNCATE quiz_items",
        "CREATE TABLE public.x (a int)",
        "ALTER TABLE quiz_sessions DISABLE ROW LEVEL SECURITY",
        "SET ROLE qbank_orchestration",
        "COPY questions TO PROGRAM 'cat'",
    ],
)
def test_the_apis_role_may_not(delivery, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        delivery.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE item_exposure_control SET sh_p = 0.123 WHERE exam_code = 'core'",
        """INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p, updated_by)
        SELECT 'core', min(id), 1, 0.5, 'x' FROM questions
        ON CONFLICT (exam_code, question_id, version) DO UPDATE SET sh_p = 0.321""",
    ],
)
def test_no_sh_p_changes_without_its_history(delivery, probe, statement):
    delivery.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
    delivery.execute(statement)
    with pytest.raises(psycopg.errors.IntegrityError, match="without a row of history"):
        delivery.commit()


def test_a_history_of_something_else_does_not_do(delivery, probe, world):
    named = """SELECT set_config('qbank.tenant_id', 'demo', true),
        set_config('qbank.actor', 'amy', true)"""
    delivery.execute(named)
    change = """UPDATE item_exposure_control SET sh_p = %s, updated_by = 'amy'
        WHERE exam_code = 'core' AND question_id = %s"""
    history = """INSERT INTO item_exposure_history
            (exam_code, question_id, version, before, after, source, actor)
        VALUES ('core', %s, 1, 0.6, %s, 'manual', 'amy')"""
    one, other = world.questions[60], world.questions[61]
    for item, after in ((other, 0.25), (one, 0.5)):
        delivery.execute(change, (0.25, one))
        delivery.execute(history, (item, after))
        with pytest.raises(psycopg.errors.IntegrityError, match=f"question {one} version 1"):
            delivery.commit()
        delivery.execute(named)
    delivery.execute(change, (0.25, one))
    delivery.execute(history, (one, 0.25))
    delivery.commit()


def test_the_app_connects_as_the_least_privileged_role(world):
    app = create_app(ApiSettings.load(), world.settings)
    with TestClient(app), Services.of(app).database.transaction("demo") as conn:
        assert conn.execute("SELECT current_user").fetchone() == ("qbank_delivery",)


def test_a_connection_changes_tenant_before_it_is_used(client, as_user, world):
    """The pool's connections go from tenant to tenant; none carries rows along."""
    body = {"filters": {"exam_code": "theirs", "num_questions": 3}}
    for k in range(10):
        demo, other = as_user(f"d{k}", "student"), as_user(f"o{k}", "student", tenant="other")
        assert client.post("/v1/quizzes", json=body, headers=demo).status_code == 404
        made = client.post("/v1/quizzes", json=body, headers=other)
        assert made.status_code == 201
        quiz = made.json()["quiz_id"]
        assert client.get(f"/v1/quizzes/{quiz}/next", headers=other).status_code == 200
        assert client.get(f"/v1/quizzes/{quiz}/next", headers=demo).status_code == 404
    missing = client.get(f"/v1/quizzes/{uuid.uuid4()}", headers=as_user("d0", "student"))
    assert missing.status_code == 404
