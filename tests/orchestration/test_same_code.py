"""Two institutions have an exam FINAL-2026 each, from the making to the marts of one night."""

from __future__ import annotations

import csv
import secrets
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.postgres import connect
from qbank.settings import get_settings
from tests.orchestration.test_first_nights import ITEMS, answers, qbank, told

CODE = "FINAL-2026"
KEYS = {"college": CODE, "academy": f"{CODE}@academy"}
PERSONS = {"college": 230, "academy": 260}
OPTIONS = [{"label": "A", "text_md": "x", "is_correct": True}, {"label": "B", "text_md": "y"}]

pytestmark = pytest.mark.slow


@pytest.fixture
def api(settings, monkeypatch):
    """``api(tenant, "GET", path)`` as somebody of the tenant who may do everything."""
    monkeypatch.setenv("QBANK_JWT_SECRET", secrets.token_urlsafe(48))
    tokens = Tokens(ApiSettings.load(), get_settings())
    roles = ["author", "reviewer", "publisher", "analyst", "admin"]
    with TestClient(create_app(settings=settings)) as client:

        def ask(tenant: str, method: str, path: str, *, who: str = "staff", **more: Any) -> Any:
            mine = ["student"] if who != "staff" else roles
            headers = {"Authorization": f"Bearer {tokens.issue(who, mine, tenant, 3600)}"}
            answer = client.request(method, f"/v1{path}", headers=headers, **more)
            assert answer.is_success, (path, answer.text)
            assert "@" not in answer.text
            return answer.json()

        yield ask


def author_an_item(api: Any, tenant: str) -> int:
    topic = api(tenant, "POST", "/author/topics", json={"name": "written"})["id"]
    item = {"topic_id": topic, "stem_md": f"of {tenant}", "options": OPTIONS}
    made = api(tenant, "POST", "/author/questions", json=item)["id"]
    api(tenant, "POST", f"/author/questions/{made}/reviews", json={"status": "approved"})
    api(tenant, "POST", f"/author/publish/{made}", params={"exam_code": CODE})
    return int(made)


def test_two_tenants_have_an_exam_of_one_code(settings, api, tmp_path):
    qbank("exam", "create", CODE, "--tenant", "college", "--test-length", "5",
          "--exposure-control", "none")  # fmt: skip
    api("academy", "POST", "/exams", json={"exam_code": CODE, "test_length": 5, "tau": 0.6})
    again = qbank("exam", "create", CODE, "--tenant", "academy", "--test-length", "5",
                  "--tau", "0.6")  # fmt: skip
    assert f"exam {KEYS['academy']} is there already" in again
    qbank("exam", "set", CODE, "--tenant", "academy", "--tau", "0.5")
    for tenant, persons in PERSONS.items():
        author_an_item(api, tenant)
        file = answers(tmp_path / f"{tenant}.csv", persons, seed=len(tenant))
        qbank("import", "responses", file, "--exam", CODE, "--tenant", tenant,
              "--timestamp", "2024-06-01", "--max-score", f"{tenant}-q0=2")  # fmt: skip
    night = told(qbank("nightly", "--json"))
    for tenant, key in KEYS.items():
        assert night[key]["success"], night[key]
        parameters, *exposure = night[key]["published"]
        assert parameters == f"item parameters of {ITEMS} of {ITEMS} answered items"
        assert len(exposure) == (tenant == "academy"), night[key]
        assert api(tenant, "GET", f"/exams/{CODE}")["settings"]["tau"] == (
            0.5 if tenant == "academy" else 0.2
        )
        sits_its_own(api, tenant)
        rows = api(tenant, "GET", "/results/items",
                   params={"exam_code": CODE, "page_size": 200})["items"]  # fmt: skip
        answered = [row for row in rows if row["attempts"]]
        assert len(answered) == ITEMS
        assert {row["attempts"] for row in answered} == {PERSONS[tenant]}
        assert all(row["a"] is not None for row in answered)
        assert api(tenant, "GET", f"/results/coverage/{CODE}")["total"] > 0
        run = api(tenant, "GET", "/admin/exposure/calibrate_sh/runs", params={"exam_code": CODE})
        assert {row["kind"] for row in run["items"]} == {
            "irt", *(["sympson_hetter"] if tenant == "academy" else []),
        }  # fmt: skip
        out = tmp_path / f"out-{tenant}.csv"
        qbank("export", "responses", str(out), "--exam", key)
        with out.open() as file:
            assert {row["user_id"].split("-")[0] for row in csv.DictReader(file)} == {tenant}
    # an operator is told of both, by their keys
    with connect("orchestration") as conn:
        marts = "SELECT tenant_id, exam_code, responses FROM analytics.dim_exams"
        assert {row[0]: row[1:] for row in conn.execute(marts).fetchall()} == {
            tenant: (KEYS[tenant], PERSONS[tenant] * ITEMS) for tenant in KEYS
        }
        crossed = """SELECT count(*) FROM analytics.fact_responses AS r
            JOIN questions AS q ON q.id = r.question_id WHERE q.tenant_id <> r.tenant_id"""
        assert conn.execute(crossed).fetchone() == (0,)


def sits_its_own(api: Any, tenant: str) -> None:
    quiz = api(
        tenant, "POST", "/quizzes", who=f"{tenant}-zoe", json={"filters": {"exam_code": CODE}}
    )
    item = api(tenant, "GET", f"/quizzes/{quiz['quiz_id']}/next", who=f"{tenant}-zoe")
    with connect("owner") as conn:
        whose = "SELECT tenant_id, exam_code FROM questions WHERE id = %s"
        assert conn.execute(whose, (item["question_id"],)).fetchone() == (tenant, KEYS[tenant])
    (own,) = api(tenant, "GET", "/quizzes", who=f"{tenant}-zoe")["items"]
    assert own["exam_code"] == CODE
