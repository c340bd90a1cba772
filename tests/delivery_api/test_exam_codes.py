"""Two tenants have an exam of one code: each names its own by it and hears nothing of the other."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, get_args

import pytest
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from delivery_api import routers
from qbank.exams.settings import CODE
from qbank.stores import item_bank, runs
from qbank.vocabulary import code_of
from tests.delivery_api.conftest import FREE, add_exam, add_items

KEY = "core@other"
STAFF = ("author", "reviewer", "publisher", "analyst", "admin")


@pytest.fixture(scope="module")
def theirs(world) -> dict[str, Any]:
    """Tenant ``other`` has an exam ``core`` as well, with a run that failed and an sh_p set."""
    with world.connect() as conn:
        topic = conn.execute("SELECT id FROM topics WHERE tenant_id = 'other'").fetchone()[0]
        items = add_items(conn, "other", [topic], 30)
        add_exam(conn, "other", KEY, items, sh_p=0.8)
        conn.execute("UPDATE exams SET title = 'Theirs' WHERE exam_code = %s", (KEY,))
        run = runs.create(
            conn,
            kind="sympson_hetter",
            exam_code=KEY,
            params={"exam_code": KEY},
            requested_by="t",
            orchestrator_run_id="r",
        )
        runs.finish(conn, run.id, "failed", error=f"{KEY}: exam {KEY!r} has too few items")
    return {"topic": topic, "items": items, "run": str(run.id)}


def by_admin(client: Any, as_user: Any, method: str, path: str, **more: Any) -> Any:
    answer = client.request(method, path, headers=as_user("amy", *STAFF, tenant="other"), **more)
    assert "@" not in answer.text.replace("{run_id}", ""), (path, answer.text)
    return answer


def test_each_tenant_makes_and_reads_its_own(client, as_user, world):
    for tenant, title in (("demo", "Ours"), ("other", "Theirs"), ("Über & Co/1", "Far")):
        headers = as_user("amy", "admin", tenant=tenant)
        asked = {"exam_code": "FINAL-2026", "title": title}
        made = client.post("/v1/exams", json=asked, headers=headers)
        assert (made.status_code, made.json()["exam_code"]) == (201, "FINAL-2026"), made.text
        assert client.post("/v1/exams", json=asked, headers=headers).status_code == 200
        # another tenant's settings do not stand in the way, one's own do
        clash = client.post("/v1/exams", json=asked | {"tau": 0.5}, headers=headers)
        assert clash.status_code == 409
        assert "exam 'FINAL-2026' exists" in clash.json()["detail"]
        changed = client.patch("/v1/exams/FINAL-2026", json={"tau": 0.3}, headers=headers)
        assert changed.json()["settings"]["tau"] == 0.3
        shown = client.get("/v1/exams/FINAL-2026", headers=headers).json()
        assert (shown["exam_code"], shown["settings"]["title"]) == ("FINAL-2026", title)
        listed = client.get("/v1/exams", headers=headers).json()["items"]
        assert [e["title"] for e in listed if e["exam_code"] == "FINAL-2026"] == [title]
        log = client.get("/v1/admin/audit", headers=headers).json()["items"]
        assert {e["target"] for e in log if "FINAL" in e["target"]} == {"exam=FINAL-2026"}
    with world.connect() as conn:
        keys = [e.exam_code for e in item_bank.exams(conn) if e.code == "FINAL-2026"]
    assert keys[:2] == ["FINAL-2026", "FINAL-2026@other"]
    assert keys[2].startswith("FINAL-2026@tenant-")


def test_every_model_of_a_route_says_an_exam_by_its_code():
    """A reply that is typed otherwise would tell a key."""
    plain = []
    for found in pkgutil.iter_modules(routers.__path__):
        module = importlib.import_module(f"{routers.__name__}.{found.name}")
        for model in vars(module).values():
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                continue
            if model.__module__ != module.__name__ or "exam_code" not in model.model_fields:
                continue
            field = model.model_fields["exam_code"]
            # of one that may be null, too
            told = [*field.metadata, *(m for a in get_args(field.annotation) for m in get_args(a))]
            if not any(getattr(how, "func", None) is code_of for how in told) and CODE not in str(
                model.model_json_schema()["properties"]["exam_code"]
            ):
                plain.append(model.__name__)
    assert plain == []


def test_a_key_is_no_code(client, as_user, theirs):
    admin = as_user("amy", "admin", tenant="other")
    for path in (f"/v1/exams/{KEY}", f"/v1/results/coverage/{KEY}"):
        assert client.get(path, headers=admin).status_code == 422
    assert client.post("/v1/exams", json={"exam_code": "a@b"}, headers=admin).status_code == 422


def test_a_quiz_is_of_the_caller_s_exam(client, as_user, theirs, world):
    for tenant, items in (("other", theirs["items"]), ("demo", world.questions)):
        zoe = as_user("zoe", "student", tenant=tenant)
        body = {"filters": {"exam_code": "core", "num_questions": 3}}
        keyed = zoe | {"Idempotency-Key": "the-same-for-both"}
        made = client.post("/v1/quizzes", json=body, headers=keyed)
        assert made.status_code == 201, made.text
        quiz = f"/v1/quizzes/{made.json()['quiz_id']}"
        assert client.post("/v1/quizzes", json=body, headers=keyed).json() == made.json()
        item = client.get(f"{quiz}/next", headers=zoe).json()
        assert item["question_id"] in items
        answer = {"question_id": item["question_id"], "selected": "A"}
        assert client.post(f"{quiz}/answers", json=answer, headers=zoe).status_code == 200
        done = client.post(f"{quiz}/finish", headers=zoe).json()
        assert done["exam_code"] == "core"
        own = client.get("/v1/quizzes", params={"exam_code": "core"}, headers=zoe).json()
        assert [q["exam_code"] for q in own["items"]] == ["core"]
        assert client.get("/v1/exams", headers=zoe).json()["items"][0]["exam_code"] == "core"


def test_an_author_publishes_into_the_tenant_s_own(client, as_user, theirs, world):
    options = [{"label": "A", "text_md": "x", "is_correct": True}, {"label": "B", "text_md": "y"}]
    question = {"topic_id": theirs["topic"], "stem_md": "?", "options": options}
    made = by_admin(client, as_user, "POST", "/v1/author/questions", json=question).json()
    path = f"/v1/author/questions/{made['id']}"
    by_admin(client, as_user, "POST", f"{path}/reviews", json={"status": "approved"})
    done = by_admin(
        client, as_user, "POST", f"/v1/author/publish/{made['id']}", params={"exam_code": "core"}
    )
    assert done.json()["exam_code"] == "core", done.text
    assert by_admin(client, as_user, "GET", path).json()["live"] == {"core": 1}
    found = by_admin(client, as_user, "GET", "/v1/author/questions", params={"exam_code": "core"})
    assert found.json()["total"] == len(theirs["items"]) + 1
    assert all(list(row["live"]) == ["core"] for row in found.json()["items"])
    with world.connect() as conn:
        where = "SELECT exam_code FROM question_publications WHERE question_id = %s"
        assert conn.execute(where, (made["id"],)).fetchall() == [(KEY,)]


def test_an_administrator_s_routes_say_the_code(client, as_user, theirs, world):
    """Whatever is said of the exam, as a field, in a message or in the log."""

    def ask(method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = by_admin(client, as_user, method, path, **more)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    root = "/v1/admin/exposure"
    core = {"exam_code": "core"}
    items = ask("GET", f"{root}/items", params={"exam": "core"})
    assert items["items"][0]["exam_code"] == "core"
    assert items["total"] >= len(theirs["items"])
    item = {"question_id": theirs["items"][3], "version": 1, "sh_p": 0.25}
    assert ask("POST", f"{root}/set", json=item | core)[0]["exam_code"] == "core"
    assert ask("POST", f"{root}/set", json=item)[0]["exam_code"] == "core"
    history = ask("GET", f"{root}/history", params=core)
    assert {(h["exam_code"], h["question_id"]) for h in history} == {("core", item["question_id"])}
    assert len(ask("POST", f"{root}/reestimate", 202, json=core)["run_ids"]) == 1
    assert ask("GET", f"{root}/calibrate_sh/defaults", params=core)["exam_code"] == "core"
    started = ask("POST", f"{root}/calibrate_sh/start", 202, json=core)["run_id"]
    status = ask("GET", f"{root}/calibrate_sh/status", params={"job_id": theirs["run"]})
    assert status["error"] == "core: exam 'core' has too few items"
    run = ask("GET", f"{root}/calibrate_sh/runs/{theirs['run']}")
    assert (run["exam_code"], run["params"]) == ("core", core)
    listed = ask("GET", f"{root}/calibrate_sh/runs", params=core)["items"]
    assert {started, theirs["run"]} <= {row["id"] for row in listed}
    ask("POST", f"{root}/calibrate_sh/runs/{theirs['run']}/rollback", 409)
    ask("PUT", "/v1/exams/core/blueprint", json=[{"topic": "science", "target_weight": 0.5}])
    assert ask("GET", "/v1/exams/core/blueprint")[0]["target_weight"] == 0.5
    assert "known exams:" in ask("GET", "/v1/exams/none", 404)["detail"]
    ask("GET", "/v1/admin/audit")
    # a policy that somebody wrote past the API
    with world.connect() as conn:
        conn.execute(
            "UPDATE exams SET policy = %s WHERE exam_code = %s", (Jsonb({"attempts": 1}), KEY)
        )
    zoe = as_user("zoe", "student", tenant="other")
    try:
        wrong = client.post("/v1/quizzes", json={"filters": core}, headers=zoe)
        assert (wrong.status_code, "@" in wrong.text) == (422, False), wrong.text
        assert "of exam core is 1" in wrong.json()["detail"]
        ask("GET", "/v1/exams/core")
    finally:
        with world.connect() as conn:
            conn.execute(
                "UPDATE exams SET policy = %s WHERE exam_code = %s",
                (Jsonb({"attempts": FREE}), KEY),
            )


def test_of_the_other_s_exam_nothing_changes(client, as_user, theirs, world):
    """What one tenant does to ``core`` is done to its own."""
    with world.connect() as conn:
        ours = conn.execute(
            "SELECT DISTINCT sh_p FROM item_exposure_control WHERE exam_code = 'core'"
        ).fetchall()
        assert ours == [(0.6,)]
        assert conn.execute("SELECT count(*) FROM exam_blueprints").fetchone() == (1,)
