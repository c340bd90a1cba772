"""Health, readiness, metrics, headers, limits, CORS."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.problems import ProblemError
from delivery_api.rate_limit import RateLimit
from delivery_api.services import Services
from qbank.settings import get_settings


def test_health_and_readiness(client):
    assert client.get("/health").json() == {"status": "ok"}
    ready = client.get("/ready").json()
    assert ready["ready"] is True
    assert [c["name"] for c in ready["checks"]] == ["database", "migrations", "selection", "banks"]


def test_readiness_tells_what_is_missing(world):
    with TestClient(create_app(settings=world.settings)) as client:
        with world.connect() as conn:
            conn.execute("CREATE TABLE kept AS SELECT * FROM _yoyo_migration")
            conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0011_audit_log'")
        found = client.get("/ready")
        with world.connect() as conn:
            conn.execute("INSERT INTO _yoyo_migration SELECT * FROM kept ON CONFLICT DO NOTHING")
            conn.execute("DROP TABLE kept")
        assert found.status_code == 503
        reasons = {c["name"]: c["reason"] for c in found.json()["checks"]}
        assert "0011_audit_log" in reasons["migrations"]
        assert "qbank db migrate" in reasons["migrations"]
    away = get_settings().model_copy(update={"database": "nowhere"})
    with TestClient(create_app(settings=away)) as client:
        found = client.get("/ready")
        assert found.status_code == 503
        assert found.json()["checks"][0]["ok"] is False


def test_metrics_count_by_route_and_not_by_path(client, as_user, scraper):
    ann = as_user("ann", "student")
    for k in range(3):
        client.get(f"/v1/quizzes/none-{k}", headers=ann)
    text = client.get("/metrics", headers=scraper).text
    line = 'route="/v1/quizzes/{quiz_id}",status="404"'
    count = next(x for x in text.splitlines() if line in x and "_count" in x)
    assert float(count.split()[-1]) >= 3
    assert "none-1" not in text


def test_every_answer_has_security_headers_and_a_request_id(client):
    for path, status in (
        ("/health", 200),
        ("/v1/quizzes/x", 401),
        ("/nowhere", 404),
        ("/docs", 200),
        ("/openapi.json", 200),
    ):
        answer = client.get(path)
        assert answer.status_code == status
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 16
    given = client.get("/health", headers={"X-Request-ID": "trace-12345"}).headers
    assert given["x-request-id"] == "trace-12345"
    forged = client.get("/health", headers={"X-Request-ID": "a b\tc" * 9}).headers
    assert forged["x-request-id"] != "a b\tc" * 9


def test_errors_are_problem_details(client, as_user):
    missing = client.get("/v1/nowhere")
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["type"] == "urn:qbank:problem:not-found"
    wrong = client.request("PATCH", "/v1/quizzes")
    assert wrong.status_code == 405
    assert wrong.headers["allow"]
    assert wrong.json()["status"] == 405
    broken = client.post(
        "/v1/quizzes",
        content="{",
        headers=as_user("ann", "student") | {"content-type": "application/json"},
    )
    assert broken.status_code == 422


def test_a_body_that_is_too_large_is_refused(client, as_user):
    body = json.dumps({"filters": {"exam_code": "core"}, "x": "y" * 300_000})
    headers = as_user("ann", "student") | {"content-type": "application/json"}
    chunks = (b" " * 50_000 for _ in range(10))
    for content in (body, chunks):
        refused = client.post("/v1/quizzes", content=content, headers=headers)
        assert refused.status_code == 413
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:qbank:problem:content-too-large"
        assert "262144 bytes" in refused.json()["detail"]


def test_outside_dev_metrics_want_a_token_and_there_are_no_docs(world, scraper, monkeypatch):
    monkeypatch.delenv("QBANK_API_DOCS")
    with TestClient(create_app(settings=world.settings)) as client:
        assert client.get("/metrics").status_code == 401
        wrong = {"Authorization": scraper["Authorization"] + "x"}
        assert client.get("/metrics", headers=wrong).status_code == 401
        assert client.get("/metrics", headers=scraper).status_code == 200
        for path in ("/docs", "/docs/start.js", "/openapi.json"):
            assert client.get(path).status_code == 404
    monkeypatch.delenv("QBANK_API_METRICS_TOKEN")
    with TestClient(create_app(settings=world.settings)) as client:
        assert client.get("/metrics", headers=scraper).status_code == 404
    monkeypatch.setenv("QBANK_ENV", "dev")
    with TestClient(create_app(settings=world.settings)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/docs").status_code == 200


def test_the_docs_load_nothing_from_elsewhere(client):
    page = client.get("/docs")
    assert "https://" not in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]
    assert "<script>" not in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 4
    for file in files:
        found = client.get(f"/{file}")
        assert found.status_code == 200, file
        assert found.content


def test_the_host_of_a_request_is_believed_nowhere(client, world, monkeypatch):
    evil = {"host": "evil.example"}
    assert client.get("/v1/quizzes/", headers=evil).status_code == 404  # and no redirect
    monkeypatch.setenv("QBANK_API_TRUSTED_HOSTS", "exam.example.org, [::1]")
    with TestClient(create_app(settings=world.settings)) as trusting:
        for host in ("exam.example.org", "EXAM.example.org:8443", "[::1]:8000", "[::1]"):
            assert trusting.get("/v1/quizzes/x", headers={"host": host}).status_code == 401
        for host in ("evil.example", "exam.example.org.evil.example", "", "["):
            refused = trusting.get("/v1/quizzes/x", headers={"host": host})
            assert refused.status_code == 400
            assert refused.json()["type"] == "urn:qbank:problem:unknown-host"
        assert trusting.get("/health", headers=evil).status_code == 200  # probes come by address


def test_head_says_what_get_says(client, as_user, start_server, world):
    url = start_server().url
    headers = as_user("ann", "student")
    with httpx.Client(base_url=url, headers=headers) as http:
        for path in ("/health", "/v1/author/topics", "/v1/quizzes/none", "/nowhere"):
            got, told = http.get(path), http.head(path)
            assert told.status_code == got.status_code, path
            assert told.headers["content-length"] == got.headers["content-length"]
            assert told.content == b""
        assert http.head("/v1/admin/exposure/set").status_code == 405


def test_query_parameters_that_are_not_known_are_refused(client, as_user):
    admin = as_user("amy", "admin")
    wrong = client.get("/v1/admin/audit", params={"page": 1, "page_sise": 5}, headers=admin)
    assert wrong.status_code == 422
    assert wrong.json()["type"] == "urn:qbank:problem:invalid-request"
    assert (
        "'page_sise' is unknown: use action, actor, cursor, page, page_size"
        in wrong.json()["detail"]
    )
    none = client.get("/v1/admin/flags", params={"x": 1}, headers=admin)
    assert "this route takes none" in none.json()["detail"]
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations if path.startswith("/v1") else ():
            given = client.request(method, f"{path}?nonsense=1", headers=admin)
            assert "'nonsense' is unknown" in given.text, (method, path)


def test_a_failure_tells_the_log_and_not_the_caller(world, as_user, monkeypatch):
    app = create_app(settings=world.settings)
    with TestClient(app, raise_server_exceptions=False) as client:

        async def fail(*_: object) -> None:
            raise RuntimeError("the secret is 1234")

        monkeypatch.setattr(Services.of(app).progress, "next", fail)
        answer = client.get("/v1/quizzes/x/next", headers=as_user("ann", "student"))
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:qbank:problem:internal"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "1234" not in answer.text


def test_a_rate_limit_admits_a_burst_then_the_rate():
    now = [0.0]
    limit = RateLimit("tries", 60, clock=lambda: now[0])
    for _ in range(15):
        limit.admit("ann")
    with pytest.raises(ProblemError) as refused:
        limit.admit("ann")
    assert refused.value.status == 429
    assert int(refused.value.headers["Retry-After"]) >= 1
    limit.admit("bob")
    now[0] += int(refused.value.headers["Retry-After"])
    limit.admit("ann")


def test_answers_and_logins_are_limited(world, as_user, monkeypatch):
    monkeypatch.setenv("QBANK_ANSWER_RATE_PER_MINUTE", "4")
    monkeypatch.setenv("QBANK_LOGIN_RATE_PER_MINUTE", "4")
    monkeypatch.setenv("QBANK_ENV", "dev")
    monkeypatch.delenv("QBANK_JWT_SECRET")
    with TestClient(create_app(settings=get_settings())) as client:
        login = {"user_id": "ann", "roles": ["student"]}
        codes = [client.post("/v1/auth/mock-login", json=login) for _ in range(4)]
        assert [c.status_code for c in codes] == [200, 200, 429, 429]
        assert codes[0].json()["roles"] == ["student"]
        headers = {"Authorization": f"Bearer {codes[0].json()['access_token']}"}
        body = {"question_id": 1, "selected": "A"}
        answers = [
            client.post("/v1/quizzes/none/answers", json=body, headers=headers) for _ in range(6)
        ]
        assert [a.status_code for a in answers] == [404] * 4 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) > 0


def test_cors_lets_in_the_listed_origins_alone(world, monkeypatch):
    monkeypatch.setenv("QBANK_CORS_ORIGINS", "https://exam.example.org, https://b.example.org")
    with TestClient(create_app(settings=world.settings)) as client:
        ask = {"Access-Control-Request-Method": "POST", "Origin": "https://exam.example.org"}
        good = client.options("/v1/quizzes", headers=ask)
        assert good.headers["access-control-allow-origin"] == "https://exam.example.org"
        bad = client.options("/v1/quizzes", headers=ask | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in bad.headers
