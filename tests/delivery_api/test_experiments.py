"""Flags and cohorts: who gets which selector, and that it reaches the rows that are analysed."""

from __future__ import annotations

from collections import Counter

import pytest

from qbank.vocabulary import ADAPTIVE


@pytest.fixture
def admin(as_user):
    return as_user("amy", "admin")


def selector_of(client, headers):
    body = {"filters": {"exam_code": "core", "num_questions": 3}}
    made = client.post("/v1/quizzes", json=body, headers=headers)
    assert made.status_code == 201, made.text
    return made.json()


def set_strategy(client, admin, value, *, enabled=True):
    body = {"enabled": enabled, "value_json": value}
    return client.put("/v1/admin/flags/selector_strategy", json=body, headers=admin)


def test_a_split_assigns_by_the_users_id_and_stays(client, admin, as_user, world):
    students = [f"student-{k}" for k in range(60)]
    split = {"split": {"vanilla": 1, "sympson_hetter": 1}}
    assert set_strategy(client, admin, split).status_code == 200
    first = {s: selector_of(client, as_user(s, "student"))["selector"] for s in students}
    counts = Counter(first.values())
    assert 15 <= counts["vanilla"] <= 45  # 60 fair draws lie outside with p < 1e-4
    # the weights change, those who are in the experiment stay where they are
    assert set_strategy(client, admin, "vanilla").status_code == 200
    again = {s: selector_of(client, as_user(s, "student"))["selector"] for s in students}
    assert again == first
    assert selector_of(client, as_user("newcomer", "student"))["selector"] == "vanilla"
    listed = client.get(
        "/v1/admin/cohorts", params={"cohort_key": "selector", "page_size": 200}, headers=admin
    ).json()
    assert listed["total"] == len(students)
    assert {r["user_id"]: r["cohort_value"] for r in listed["items"]} == first


def test_the_arm_reaches_what_is_served(client, admin, as_user, world):
    for arm in ADAPTIVE:
        sh_p = 1.0 if arm == "vanilla" else 0.6
        body = {"user_ids": [f"in-{arm}"], "value": arm}
        assigned = client.put("/v1/admin/cohorts/selector", json=body, headers=admin)
        assert assigned.json()[0]["cohort_value"] == arm
        headers = as_user(f"in-{arm}", "student")
        quiz = selector_of(client, headers)["quiz_id"]
        client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
        with world.connect() as conn:
            row = conn.execute(
                "SELECT selector, sh_p FROM quiz_items WHERE quiz_id = %s", (quiz,)
            ).fetchone()
        assert row == (arm, sh_p)


def test_assignment_by_weights_is_the_same_whenever_it_is_done(client, admin):
    body = {"user_ids": [f"w-{k}" for k in range(50)], "weights": {"red": 3, "blue": 1}}
    first = client.put("/v1/admin/cohorts/colour", json=body, headers=admin).json()
    assert client.put("/v1/admin/cohorts/colour", json=body, headers=admin).json() == first
    assert Counter(r["cohort_value"] for r in first)["red"] > 25


def test_taking_a_user_out_lets_the_flag_decide_again(client, admin, as_user):
    set_strategy(client, admin, "vanilla")
    body = {"user_ids": ["leo"], "value": "sympson_hetter"}
    client.put("/v1/admin/cohorts/selector", json=body, headers=admin)
    leo = as_user("leo", "student")
    assert selector_of(client, leo)["selector"] == "sympson_hetter"
    assert client.delete("/v1/admin/cohorts/selector/leo", headers=admin).status_code == 204
    assert client.delete("/v1/admin/cohorts/selector/leo", headers=admin).status_code == 404
    assert selector_of(client, leo)["selector"] == "vanilla"
    set_strategy(client, admin, None, enabled=False)
    assert selector_of(client, leo)["selector"] == "sympson_hetter"


@pytest.mark.parametrize(
    "value", ["best", {"split": {}}, {"split": {"vanilla": -1}}, {"split": {"x": 1}}, 3, None]
)
def test_a_strategy_that_names_no_selector_is_refused(client, admin, value):
    assert set_strategy(client, admin, value).status_code == 422


def test_a_flag_is_its_tenants_alone(client, admin, as_user, world):
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO feature_flags (key, enabled, value_json)
            VALUES ('banner', true, '"for all"')"""
        )
    theirs = as_user("zoe", "admin", tenant="other")
    client.put(
        "/v1/admin/flags/banner", json={"enabled": True, "value_json": "ours"}, headers=admin
    )

    def banner(headers):
        flags = client.get("/v1/admin/flags", headers=headers).json()
        return next(f["value_json"] for f in flags if f["key"] == "banner")

    assert banner(admin) == "ours"
    assert banner(theirs) == "for all"


HUGE = 10**400


@pytest.mark.parametrize(
    "weights",
    [
        f'{{"vanilla": {HUGE}, "sympson_hetter": 1}}',
        '{"vanilla": 1e400, "sympson_hetter": 1}',
        '{"vanilla": NaN, "sympson_hetter": 1}',
        '{"vanilla": Infinity, "sympson_hetter": 1}',
        '{"vanilla": true, "sympson_hetter": 1}',
        '{"vanilla": "1", "sympson_hetter": 1}',
        '{"vanilla": -1, "sympson_hetter": 1}',
        '{"vanilla": 0, "sympson_hetter": 0}',
        '{"vanilla": 1000000001}',
        "{}",
    ],
)
def test_weights_that_give_nobody_an_arm_are_refused(client, admin, weights):
    json_body = admin | {"Content-Type": "application/json"}
    flag = f'{{"enabled": true, "value_json": {{"split": {weights}}}}}'
    path = "/v1/admin/flags/selector_strategy"
    assert client.put(path, content=flag, headers=json_body).status_code == 422
    users = f'{{"user_ids": ["u"], "weights": {weights}}}'
    path = "/v1/admin/cohorts/selector"
    assert client.put(path, content=users, headers=json_body).status_code == 422


def test_a_weight_that_was_kept_before_it_was_refused_stops_nobody(client, as_user, world):
    value = f'{{"split": {{"vanilla": {HUGE}, "sympson_hetter": 1}}}}'
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO feature_flags (key, tenant_id, enabled, value_json)
            VALUES ('selector_strategy', 'other', true, %s)""",
            (value,),
        )
    body = {"filters": {"exam_code": "theirs", "num_questions": 3}}
    headers = as_user("late", "student", tenant="other")
    assert client.post("/v1/quizzes", json=body, headers=headers).status_code == 201
    flags = client.get("/v1/admin/flags", headers=as_user("amy", "admin", tenant="other"))
    assert flags.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/quizzes", {"filters": {"exam_code": "core", "num_questions": True}}),
        ("/v1/quizzes", {"filters": {"exam_code": "core", "num_questions": "5"}}),
        ("/v1/quizzes", {"filters": {"exam_code": "core", "num_questions": 5.0}}),
        ("/v1/quizzes", {"filters": {"exam_code": "core"}, "adaptive": 1}),
        ("/v1/quizzes/none/answers", {"question_id": True, "selected": "A"}),
    ],
)
def test_a_truth_value_or_a_text_is_no_number(client, as_user, path, body):
    assert client.post(path, json=body, headers=as_user("ann", "student")).status_code == 422
