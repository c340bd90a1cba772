"""Exposure control through the API: by hand, by request, its history, and that delivery obeys."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from psycopg.types.json import Jsonb

from qbank.stores import exposure, runs
from tests.delivery_api.conftest import until_current


@pytest.fixture
def admin(as_user):
    return as_user("amy", "admin")


def test_sh_p_set_by_hand_is_in_force_at_once(client, admin, world, as_user):
    question = world.questions[3]
    body = {"question_id": question, "version": 1, "sh_p": 0.25, "pinned": True, "note": "leaked"}
    done = client.post("/v1/admin/exposure/set", json=body, headers=admin)
    assert done.status_code == 200, done.text
    assert [(c["exam_code"], c["sh_p"], c["pinned"]) for c in done.json()] == [("core", 0.25, True)]
    listed = client.get(
        "/v1/admin/exposure/items",
        params={"exam": "core", "search": str(question), "sort": "sh_p"},
        headers=admin,
    ).json()
    mine = next(i for i in listed["items"] if i["question_id"] == question)
    assert (mine["sh_p"], mine["pinned"], mine["updated_by"]) == (0.25, True, "amy")
    history = client.get(
        "/v1/admin/exposure/history",
        params={"exam_code": "core", "question_id": question},
        headers=admin,
    ).json()
    assert [(h["before"], h["after"], h["source"], h["note"]) for h in history] == [
        (0.6, 0.25, "manual", "leaked")
    ]
    audit = client.get("/v1/admin/audit", params={"action": "exposure.set"}, headers=admin).json()
    assert audit["items"][0]["details"]["sh_p"] == 0.25


def test_delivery_applies_what_was_set(client, admin, world, as_user):
    """With sh_p = 0 the best item is held back from everybody."""

    def first_item(client, headers):
        filters = {"exam_code": "core", "num_questions": 1}
        quiz = client.post("/v1/quizzes", json={"filters": filters}, headers=headers).json()
        path = f"/v1/quizzes/{quiz['quiz_id']}/next"
        return client.get(path, headers=headers).json()["question_id"]

    arm = {"user_ids": ["one"], "value": "vanilla"}
    assert client.put("/v1/admin/cohorts/selector", json=arm, headers=admin).status_code == 200
    best = first_item(client, as_user("one", "student"))
    body = {"question_id": best, "version": 1, "sh_p": 0}
    assert client.post("/v1/admin/exposure/set", json=body, headers=admin).status_code == 200
    until_current(client, world, "core")
    firsts = {first_item(client, as_user(f"many-{k}", "student")) for k in range(20)}
    assert best not in firsts
    with world.connect() as conn:
        rejected = conn.execute(
            "SELECT count(*) FROM quiz_items WHERE %s = ANY(rejected)", (best,)
        ).fetchone()[0]
    assert rejected == 20


@pytest.mark.parametrize("value", [-0.01, 1.01, "x", None])
def test_sh_p_outside_zero_to_one_is_refused(client, admin, world, value):
    body = {"question_id": world.questions[0], "version": 1, "sh_p": value}
    answer = client.post("/v1/admin/exposure/set", json=body, headers=admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.sh_p"


def test_what_is_not_live_cannot_be_set(client, admin, world):
    with world.connect() as conn:
        theirs = conn.execute(
            "SELECT question_id FROM question_publications WHERE tenant_id = 'other' LIMIT 1"
        ).fetchone()[0]
    for question, exam in ((theirs, None), (theirs, "theirs"), (world.questions[0], "theirs")):
        body = {"question_id": question, "version": 1, "sh_p": 0.5, "exam_code": exam}
        answer = client.post("/v1/admin/exposure/set", json=body, headers=admin)
        assert answer.status_code == 404


def test_a_calibration_is_queued_followed_and_canceled(client, admin, world):
    body = {"exam_code": "core", "tau": 0.25, "theta_dist": "normal0,1", "seed": 4}
    path = "/v1/admin/exposure/calibrate_sh"
    started = client.post(f"{path}/start", json=body, headers=admin)
    assert started.status_code == 202
    run = started.json()["run_id"]
    assert started.json()["job_id"] == run
    with world.connect() as conn:
        row = runs.get(conn, uuid.UUID(run))
        assert row.params.items() >= (body | {"dry_run": False}).items()
        # and what was left out, as it will be carried out
        assert (row.params["iters"], row.params["test_len"], row.params["n"]) == (25, 25, 10_000)
        assert (row.kind, row.status, row.requested_by) == ("sympson_hetter", "queued", "amy")
        runs.claim(conn, row.id, orchestrator_run_id="r")
        runs.progress(conn, row.id, [{"iter": 1, "avg_exp": 0.1, "max_over": 0.3}])
    status = client.get(f"{path}/status", params={"job_id": run}, headers=admin).json()
    assert (status["state"], status["current_iter"]) == ("running", 1)
    assert status["total_iters"] == 25
    assert (status["avg_exp"], status["max_over"]) == (0.1, 0.3)
    canceled = client.post(f"{path}/cancel", params={"job_id": run}, headers=admin)
    assert canceled.json()["state"] == "running"  # it stops at its next iteration
    with world.connect() as conn:
        assert runs.progress(conn, row.id) is False
        runs.finish(conn, row.id, "canceled", stopped_reason="canceled")
    assert client.post(f"{path}/cancel", params={"job_id": run}, headers=admin).status_code == 409
    page = client.get(
        f"{path}/runs",
        params={"exam_code": "core", "status": "canceled", "start": "2020-01-01T00:00:00Z"},
        headers=admin,
    ).json()
    assert [r["id"] for r in page["items"]] == [run]
    assert page["total"] == 1
    days = {"exam_code": "core", "start": "2020-01-01", "end": "2020-01-02"}
    assert client.get(f"{path}/runs", params=days, headers=admin).json()["total"] == 0
    days["end"] = "2999-01-01"
    assert client.get(f"{path}/runs", params=days, headers=admin).json()["total"] >= 1


@pytest.mark.parametrize(
    "change",
    [
        {"tau": 0},
        {"tau": 1.5},
        {"iters": 0},
        {"n": 10**7},
        {"theta_dist": "cauchy(0,1)"},
        {"theta_dist": "empirical"},
        {"theta_dist": "normal(0,0)"},
        {"theta_dist": "uniform(2,-2)"},
        {"theta_dist": "normal(0,1"},
        {"theta_dist": "normal(0,1e308)"},
        {"seed": -1},
        {"floor": 0.5, "ceil": 0.4},
        {"topic_tau": {"acids": 2}},
        {"unheard_of": 1},
    ],
)
def test_calibration_parameters_out_of_range_are_refused(client, admin, change):
    body = {"exam_code": "core"} | change
    answer = client.post("/v1/admin/exposure/calibrate_sh/start", json=body, headers=admin)
    assert answer.status_code == 422


@pytest.mark.parametrize("text", ["normal(.5,1)", "normal(0, 1.)", "UNIFORM(-3,3)", "normal0,1"])
def test_an_ability_distribution_may_be_written_as_the_science_reads_it(client, admin, text):
    body = {"exam_code": "core", "theta_dist": text}
    answer = client.post("/v1/admin/exposure/calibrate_sh/start", json=body, headers=admin)
    assert answer.status_code == 202, answer.text


@pytest.fixture
def policy(world):
    """Sets the policy of the exam, and puts it back."""

    def set_to(value):
        with world.connect() as conn:
            conn.execute("UPDATE exams SET policy = %s WHERE exam_code = 'core'", (Jsonb(value),))

    with world.connect() as conn:
        before = conn.execute("SELECT policy FROM exams WHERE exam_code = 'core'").fetchone()[0]
    yield set_to
    set_to(before)


def test_what_a_request_leaves_out_is_the_exams_own(client, admin, world, policy):
    policy({"n": 3_000, "ceil": 0.9, "reestimation": {"days": 3, "floor": 0.2, "ceil": 0.8}})
    calibration = {"exam_code": "core", "iters": 4}
    started = client.post(
        "/v1/admin/exposure/calibrate_sh/start", json=calibration, headers=admin
    ).json()
    asked = client.post("/v1/admin/exposure/reestimate", json={"floor": 0.1}, headers=admin).json()
    with world.connect() as conn:
        calibrating = runs.get(conn, uuid.UUID(started["run_id"])).params
        reestimating = runs.get(conn, uuid.UUID(asked["run_ids"][0])).params
    assert (calibrating["n"], calibrating["ceil"], calibrating["iters"]) == (3_000, 0.9, 4)
    assert (reestimating["days"], reestimating["floor"], reestimating["ceil"]) == (3, 0.1, 0.8)
    defaults = client.get(
        "/v1/admin/exposure/calibrate_sh/defaults", params={"exam_code": "core"}, headers=admin
    ).json()
    assert (defaults["n"], defaults["iters"], defaults["seed"]) == (3_000, 25, None)


@pytest.mark.parametrize("caps", ["topic_tau", "topic_weights"])
def test_topics_that_no_cap_can_hold_for_are_refused_at_once(client, admin, caps):
    for name, message in (
        ("alchemy", "topic 'alchemy' is unknown: give a topic's id, blueprint code or name"),
        ("chemistry", "topic 'chemistry' (id"),  # all of its items are of the acids below it
    ):
        body = {"exam_code": "core", caps: {"acids": 0.3, name: 0.3}}
        answer = client.post("/v1/admin/exposure/calibrate_sh/start", json=body, headers=admin)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(message)
    body = {"exam_code": "core", caps: {"acids": 0.3}}
    answer = client.post("/v1/admin/exposure/calibrate_sh/start", json=body, headers=admin)
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["calibrate_sh/start", "reestimate"])
def test_a_request_that_contradicts_the_exams_policy_is_refused_at_once(
    client, admin, policy, path
):
    policy({"ceil": 0.3, "reestimation": {"ceil": 0.3}})
    body = {"exam_code": "core", "floor": 0.5}
    answer = client.post(f"/v1/admin/exposure/{path}", json=body, headers=admin)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "floor 0.5 lies above ceil 0.3: swap them"
    policy({"ceil": 3, "reestimation": {"ceil": 3}})
    answer = client.post(f"/v1/admin/exposure/{path}", json={"exam_code": "core"}, headers=admin)
    assert answer.status_code == 422
    assert "in the policy of exam core" in answer.json()["detail"]


def test_diff_and_rollback_of_a_run(client, admin, world):
    question = world.questions[9]
    with world.connect() as conn:
        run = runs.create(
            conn, kind="sympson_hetter", exam_code="core", params={}, requested_by="t"
        )
        runs.claim(conn, run.id, orchestrator_run_id="r")
        exposure.publish(
            conn,
            "core",
            [exposure.Control(question, 1, 0.4)],
            exposure.Origin("calibration", "t", run.id),
        )
        runs.finish(conn, run.id, "done")
        empty = runs.create(
            conn, kind="sympson_hetter", exam_code="core", params={}, requested_by="t"
        )
    path = f"/v1/admin/exposure/calibrate_sh/runs/{run.id}"
    text = client.get(f"{path}/diff.csv", headers=admin)
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert list(rows[0]) == ["qid", "ver", "sh_p_before", "sh_p_after", "delta"]
    assert (rows[0]["qid"], rows[0]["sh_p_after"]) == (str(question), "0.4")
    asked = client.post(f"{path}/rollback", headers=admin)
    assert asked.status_code == 202
    with world.connect() as conn:
        queued = runs.get(conn, uuid.UUID(asked.json()["run_id"]))
    assert (queued.kind, queued.status) == ("rollback", "queued")
    assert queued.params == {"run_id": str(run.id)}
    refused = client.post(
        f"/v1/admin/exposure/calibrate_sh/runs/{empty.id}/rollback", headers=admin
    )
    assert refused.status_code == 409


def test_a_reestimation_is_asked_for_one_exam_or_all(client, admin, world):
    body = {"tau": 0.2, "days": 7, "dry_run": True}
    one = client.post(
        "/v1/admin/exposure/reestimate", json=body | {"exam_code": "core"}, headers=admin
    )
    every = client.post("/v1/admin/exposure/reestimate", json=body, headers=admin)
    assert one.status_code == every.status_code == 202
    with world.connect() as conn:
        for run_id in one.json()["run_ids"] + every.json()["run_ids"]:
            run = runs.get(conn, uuid.UUID(run_id))
            assert (run.kind, run.exam_code) == ("reestimation", "core")
            assert run.params["tau"] == 0.2
            assert run.params["dry_run"] is True
