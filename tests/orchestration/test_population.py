"""Whom a calibration simulates: the exam's own population, from its sittings or its answers."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import Population
from qbank import postgres
from qbank.requests import RequestError, SympsonHetter
from qbank.stores import item_bank, item_parameters, runs
from qbank.stores.item_parameters import ItemParameters
from qbank_orchestration.engine import conditions, population
from qbank_orchestration.engine.population import ExamPopulation
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, Exams
from tests.orchestration.planted import Planted


def publish_truth(planted: Planted) -> None:
    """Puts the planted parameters in force."""
    rows = [
        ItemParameters(question, 1, a, b, 0.0, None, None, None, 600, converged=True)
        for question, a, b in zip(
            planted.question_id.tolist(), planted.a.tolist(), planted.b.tolist(), strict=True
        )
    ]
    with postgres.connect("orchestration") as conn:
        item_parameters.publish(conn, planted.exam_code, "2pl", rows, run_id=None)


def answer_anew(planted: Planted, mean: float, sd: float, *, seed: int, apart: float = 0.0) -> None:
    """Lets the controlled sittings in the marts be answered by another population.

    With `apart`, it is of two groups of equal size whose means are so far apart.
    """
    random = np.random.default_rng(seed)
    place = {question: at for at, question in enumerate(planted.question_id.tolist())}
    with postgres.connect("owner") as conn:
        rows = conn.execute(
            "SELECT r.quiz_id, r.question_id FROM analytics.fact_responses AS r"
            " JOIN analytics.fact_sessions AS s USING (quiz_id)"
            " WHERE s.exam_code = %s AND s.is_adaptive ORDER BY 1, 2",
            (planted.exam_code,),
        ).fetchall()
        quiz = np.unique([row[0] for row in rows], return_inverse=True)[1]
        group = random.choice([-apart / 2, apart / 2], quiz.max() + 1)
        theta = (group + random.normal(mean, sd, quiz.max() + 1))[quiz]
        item = np.array([place[row[1]] for row in rows])
        p = 1 / (1 + np.exp(-1.7 * planted.a[item] * (theta - planted.b[item])))
        right = random.random(p.size) < p
        conn.execute(
            "UPDATE analytics.fact_responses AS r SET is_correct = n.is_correct"
            " FROM unnest(%s::text[], %s::bigint[], %s::boolean[])"
            " AS n (quiz_id, question_id, is_correct)"
            " WHERE (r.quiz_id, r.question_id) = (n.quiz_id, n.question_id)",
            ([row[0] for row in rows], [row[1] for row in rows], right.tolist()),
        )


def found(**given: object) -> ExamPopulation:
    with postgres.connect("orchestration") as conn:
        exam = item_bank.exam(conn, ALGEBRA)
        return population.of_exam(conn, exam, SympsonHetter.resolve(exam, given))


def test_it_is_that_of_the_sittings_under_control(exams: Exams):
    publish_truth(exams.algebra)
    answer_anew(exams.algebra, -1.0, 0.8, seed=3)
    own = found()
    assert (own.source, own.persons, own.answers) == ("sittings", 600, 6000)
    assert own.mean == pytest.approx(-1.0, abs=4 * own.se_mean)
    assert own.sd == pytest.approx(0.8, abs=4 * own.se_sd)
    assert own.se_mean < 0.06
    assert own.theta_dist == f"normal({own.mean:.4f},{own.sd:.4f})"
    assert own.reason == "estimated from 600 persons: controlled sittings of 90 days"


def test_two_groups_are_simulated_as_two_groups(exams: Exams, runner: Runner):
    publish_truth(exams.algebra)
    answer_anew(exams.algebra, 0.3, 0.4, seed=3, apart=3.0)
    run = calibrated_with(runner, {"tau": 0.5, "dry_run": True})
    kept = run.result["summary"]["population"]
    own = Population.of(kept["theta_dist"])
    assert own.kind == "mixture"
    assert own.parts[:, 0] == pytest.approx([0.5, 0.5], abs=0.1)
    assert own.parts[:, 1] == pytest.approx([-1.2, 1.8], abs=0.25)
    assert (kept["mean"], kept["sd"]) == pytest.approx((own.mean, own.sd))
    assert run.result["certificate"]["population"] == str(own)


def test_with_few_sittings_it_is_that_of_all_first_attempts(exams: Exams):
    publish_truth(exams.algebra)
    answer_anew(exams.algebra, -3.0, 0.8, seed=3)
    with postgres.connect("owner") as conn:
        # but for 120 they were before the window
        conn.execute(
            "UPDATE analytics.fact_sessions SET ended_on = ended_on - 91"
            " WHERE is_adaptive AND quiz_id NOT LIKE '%-c1-%' AND quiz_id NOT LIKE '%-c2-%'"
        )
    own = found()
    assert (own.source, own.persons) == ("first attempts", 1200)
    assert -1.8 < own.mean < -1.2


def test_what_the_request_names_is_taken(exams: Exams):
    own = found(theta_dist="normal(.5,1)")
    assert (own.theta_dist, own.source) == ("normal(.5,1)", "request")


def test_where_it_cannot_be_known_it_is_standard_and_says_why(exams: Exams):
    none = found()
    assert (none.theta_dist, none.source) == ("normal(0,1)", "default")
    assert none.reason == "0 persons answered calibrated items, 200 are enough"
    with postgres.connect("owner") as conn:
        conn.execute("DROP VIEW analytics.irt_responses CASCADE")
    assert found().reason == "the marts are not built yet"


def calibrated_with(runner: Runner, config: dict[str, object]) -> runs.Run:
    ended = runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": config}},
    )
    assert ended.success, ended.error
    with postgres.connect("orchestration") as conn:
        (listed,) = runs.list(conn, runs.RunFilter(exam_code=ALGEBRA)).runs
        return runs.get(conn, listed.id)


def test_a_calibration_keeps_whom_it_simulated(exams: Exams, runner: Runner):
    publish_truth(exams.algebra)
    answer_anew(exams.algebra, -1.0, 1.0, seed=5)
    run = calibrated_with(runner, {"tau": 0.5, "dry_run": True})
    assert run.params["theta_dist"] == "exam"
    kept = run.result["summary"]["population"]
    assert kept["mean"] == pytest.approx(-1.0, abs=0.25)
    assert (kept["source"], kept["persons"]) == ("sittings", 600)
    assert run.result["certificate"]["population"] == str(Population.of(kept["theta_dist"]))


def test_a_calibration_keeps_to_the_blueprint_and_says_so(exams: Exams, runner: Runner):
    publish_truth(exams.algebra)
    with postgres.connect("owner") as conn:
        conn.execute(
            'UPDATE exams SET policy = \'{"quota": "blueprint"}\' WHERE exam_code = %s', (ALGEBRA,)
        )
        topics = conn.execute(
            "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)"
            " SELECT %s, id, CASE WHEN name LIKE '%% one' THEN 0.8 ELSE 0.2 END FROM topics"
            " WHERE name LIKE 'algebra %%' RETURNING topic_id, target_weight",
            (ALGEBRA,),
        ).fetchall()
    run = calibrated_with(runner, {"tau": 0.6, "dry_run": True})
    assert run.params["quota"] == "blueprint"
    assert run.result["summary"]["quota"] == "blueprint"
    assert run.result["certificate"]["quota"] == {
        str(topic): [round(10 * weight)] * 2 for topic, weight in topics
    }
    rates = dict(
        zip(
            run.result["proposal"]["question_id"],
            run.result["summary"]["administered"],
            strict=True,
        )
    )
    with postgres.connect("owner") as conn:
        topic_of = dict(conn.execute("SELECT question_id, topic_id FROM question_versions"))
    for topic, weight in topics:
        given = sum(rate for question, rate in rates.items() if topic_of[question] == topic)
        assert given == pytest.approx(10 * weight)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("SELECT 'algebra', 0, 1 WHERE false", "has no blueprint: give it one, or quota none"),
        (
            "SELECT 'algebra', id, 0.5 FROM topics WHERE name = 'geometry one'",
            "wants 5 items of topic .* and no live item of it is calibrated",
        ),
    ],
)
def test_a_blueprint_that_cannot_be_kept_is_refused(exams: Exams, lines: str, told: str):
    publish_truth(exams.algebra)
    with postgres.connect("owner") as conn:
        conn.execute(f"INSERT INTO exam_blueprints (exam_code, topic_id, target_weight) {lines}")
    with postgres.connect("orchestration") as conn:
        pool = item_bank.load(conn, ALGEBRA)
        topics = item_bank.topics(conn, "t")
    request = SympsonHetter.resolve(pool.exam, {"quota": "blueprint"})
    usable = np.arange(len(pool))
    with pytest.raises(RequestError, match=told):
        conditions.of_request(pool, usable, topics, request)
