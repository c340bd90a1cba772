"""Results and exposure listings, read from marts that dbt built on the demo data."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from qbank.postgres import connect


@pytest.fixture(scope="module")
def demo(marts) -> Any:
    with TestClient(create_app(settings=marts)) as client:
        yield client


@pytest.fixture
def admin(as_user):
    return as_user("amy", "admin")


def one(marts: Any, query: str, *values: Any) -> Any:
    with connect("analyst", settings=marts) as conn:
        return conn.execute(query, values).fetchone()


def test_item_health_is_the_marts(demo, marts, admin):
    exam, total = one(
        marts,
        "SELECT exam_code, count(*) FROM analytics.item_health GROUP BY 1 ORDER BY 1 LIMIT 1",
    )
    page = demo.get(
        "/v1/results/items", params={"exam_code": exam, "page_size": 200}, headers=admin
    ).json()
    assert page["total"] == total
    first = page["items"][0]
    assert first["flag_count"] == max(item["flag_count"] for item in page["items"])
    attempts, p_value = one(
        marts,
        """SELECT attempts, p_value FROM analytics.item_health
        WHERE exam_code = %s AND question_id = %s AND version = %s""",
        exam,
        first["question_id"],
        first["version"],
    )
    assert (first["attempts"], first["p_value"]) == (attempts, p_value)
    second = demo.get(
        "/v1/results/items",
        params={"exam_code": exam, "page_size": 1, "page": 2},
        headers=admin,
    ).json()
    assert second["items"] == [page["items"][1]]


def test_a_students_topics_are_the_students_own(demo, marts, as_user):
    user, total = one(
        marts, "SELECT user_id, count(*) FROM analytics.topic_mastery GROUP BY 1 ORDER BY 1 LIMIT 1"
    )
    path = f"/v1/results/topics/{user}"
    own = demo.get(path, params={"page_size": 200}, headers=as_user(user, "student")).json()
    assert own["total"] == total
    assert {row["user_id"] for row in own["items"]} == {user}
    assert all(0 <= row["mastery"] <= 1 for row in own["items"])
    assert demo.get(path, headers=as_user("else", "student")).status_code == 403
    assert demo.get(path, headers=as_user("else", "analyst")).json()["total"] == total
    foreign = demo.get(path, headers=as_user(user, "student", tenant="other")).json()
    assert foreign["total"] == 0


def test_an_exam_tells_nothing_of_itself_before_it_is_sealed(demo, marts, as_user):
    """Marts are made at night, so that a sitting over midnight would show in them."""
    user, exam, others = one(
        marts,
        """SELECT user_id, min(exam_code), array_agg(DISTINCT exam_code ORDER BY exam_code)
        FROM analytics.topic_mastery GROUP BY 1 HAVING count(DISTINCT exam_code) > 1
        ORDER BY 1 LIMIT 1""",
    )
    path, headers = f"/v1/results/topics/{user}", as_user(user, "student")

    def shown(**caller: Any) -> list[str]:
        page = demo.get(path, params={"page_size": 200}, **caller).json()
        return sorted({row["exam_code"] for row in page["items"]})

    filters = {"exam_code": exam, "num_questions": 3, "mode": "exam"}
    made = demo.post("/v1/quizzes", json={"filters": filters}, headers=headers).json()
    try:
        assert shown(headers=headers) == others[1:]
        assert shown(headers=as_user("else", "analyst")) == others
        assert demo.post(f"/v1/quizzes/{made['quiz_id']}/finish", headers=headers).is_success
        assert shown(headers=headers) == others
    finally:
        with connect("owner", settings=marts) as conn:
            conn.execute("DELETE FROM quiz_sessions WHERE id = %s", (made["quiz_id"],))


def test_coverage_and_exposure_by_day(demo, marts, admin):
    exam, total = one(
        marts,
        """SELECT exam_code, count(*) FROM analytics.blueprint_coverage
        GROUP BY 1 ORDER BY 1 LIMIT 1""",
    )
    coverage = demo.get(f"/v1/results/coverage/{exam}", headers=admin).json()
    assert coverage["total"] == total
    (newest,) = one(
        marts,
        "SELECT max(day)::text FROM analytics.exposure_daily_rates WHERE exam_code = %s",
        exam,
    )
    days = demo.get(
        f"/v1/results/exams/{exam}/exposure", params={"since": newest}, headers=admin
    ).json()
    assert days["total"] >= 1
    assert {row["day"] for row in days["items"]} == {newest}
    rates = [row["exposure_rate"] for row in days["items"]]
    assert rates == sorted(rates, reverse=True)


def test_fairness_and_fit_are_the_marts_and_staffs_alone(demo, marts, admin, as_user):
    exam, total, large = one(
        marts,
        """SELECT exam_code, count(*), count(*) FILTER (WHERE ets_class = 'C')
        FROM analytics.item_fairness GROUP BY 1""",
    )
    path = f"/v1/results/exams/{exam}/fairness"
    page = demo.get(path, params={"page_size": 200}, headers=admin).json()
    assert page["total"] == total > large > 0
    assert [row["ets_class"] for row in page["items"][: large + 1]] == ["C"] * large + ["A"]
    first = page["items"][0]
    assert (first["favoured"], first["focal"], first["delta"]) == ("English", "other", -3.0)
    assert first["delta_lower"] == pytest.approx(-3.98, abs=1e-4)
    none = demo.get(path, params={"attribute": "school"}, headers=admin).json()
    assert none["total"] == 0
    (poor,) = one(marts, "SELECT count(*) FILTER (WHERE is_poor) FROM analytics.item_fit")
    fit = demo.get(f"/v1/results/exams/{exam}/fit", headers=admin).json()
    assert [row["is_poor"] for row in fit["items"][: poor + 1]] == [True] * poor + [False]
    for refused in (path, f"/v1/results/exams/{exam}/fit"):
        assert demo.get(refused, headers=as_user("ann", "student")).status_code == 403
        elsewhere = demo.get(refused, headers=as_user("ann", "admin", tenant="other"))
        assert elsewhere.status_code == 404 or elsewhere.json()["total"] == 0


def test_the_exposure_listing_shows_what_was_observed(demo, marts, admin):
    page = demo.get("/v1/admin/exposure/items", params={"limit": 5}, headers=admin).json()
    rates = [item["exposure_rate_28d"] for item in page["items"]]
    assert rates[0] is not None
    assert rates == sorted(rates, reverse=True)
    first = page["items"][0]
    rate, served, topic = one(
        marts,
        """SELECT exposure_rate_28d, served_28d, topic_id FROM analytics.item_health
        WHERE exam_code = %s AND question_id = %s AND version = %s""",
        first["exam_code"],
        first["question_id"],
        first["version"],
    )
    assert first["exposure_rate_28d"] == rate
    assert (first["recent_attempts"], first["topic_id"]) == (served, topic)
    assert served > 0


def test_before_the_marts_are_built_there_are_no_results(client, admin):
    answer = client.get("/v1/results/items", headers=admin)
    assert answer.status_code == 404
    assert "qbank nightly" in answer.json()["detail"]


def test_postgres_shows_the_apis_role_a_tenants_marts_alone(marts):
    """The second wall holds whatever the API's queries ask for."""
    with connect("owner", settings=marts) as owner:
        tables = [
            row[0]
            for row in owner.execute(
                """SELECT relname FROM pg_class WHERE relkind = 'r'
                AND relnamespace = 'analytics'::regnamespace ORDER BY 1"""
            )
        ]
        views = "SELECT viewname FROM pg_views WHERE schemaname = 'analytics'"
        (view,) = owner.execute(views).fetchone()
    assert {"fact_responses", "topic_mastery", "item_health", "dim_items"} <= set(tables)

    def seen(role: str, tenant: str) -> dict[str, int]:
        with connect(role, settings=marts) as conn:
            conn.execute("SELECT set_config('qbank.tenant_id', %s, true)", (tenant,))
            counts = [conn.execute(f"SELECT count(*) FROM analytics.{t}") for t in tables]  # noqa: S608
            return dict(zip(tables, (c.fetchone()[0] for c in counts), strict=True))

    everything = seen("analyst", "")
    assert all(everything.values())
    assert seen("delivery", "demo") == everything
    for nobody in ("", "other", "demo' OR true"):
        assert seen("delivery", nobody) == dict.fromkeys(tables, 0)
    with (
        connect("delivery", settings=marts) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(f"SELECT FROM analytics.{view}")


def test_a_mart_without_a_wall_is_not_the_apis_to_read(marts):
    with connect("orchestration", settings=marts) as conn:
        conn.execute("CREATE TABLE analytics.secret AS SELECT 1 AS n")
        conn.execute("SELECT wall_off('analytics.secret')")
        conn.commit()
    try:
        with (
            connect("delivery", settings=marts) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute("SELECT FROM analytics.secret")
    finally:
        with connect("orchestration", settings=marts) as conn:
            conn.execute("DROP TABLE analytics.secret")
