"""Each selector of an exam through its calibration, and the comparison of them all."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from calibration import RuleArm
from calibration.exposure import comparison
from qbank import postgres
from qbank.importing.requested import carry_out
from qbank.requests import Reestimation, SympsonHetter
from qbank.stores import data_requests, item_bank, runs
from qbank.stores.errors import NotFoundError
from qbank.vocabulary import ByTheta, Controlled, words
from qbank_orchestration import requested_comparison
from qbank_orchestration.commands import app
from qbank_orchestration.engine import audit, exposure, night, population, reestimated_day
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, Exams
from tests.orchestration.test_population import publish_truth

NAMES = {
    "sympson_hetter": "maximum_information",
    "randomesque": "randomesque(5)",
    "a_stratified": "a_stratified(4)",
    "progressive": "progressive(1)",
    "progressive_se": "progressive_se(1,0.3)",
    "priority": "progressive(0.5) by priority",
}


def select_by(selector: str) -> None:
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE exams SET policy = jsonb_build_object('selector', %s::text)"
            " WHERE exam_code = %s",
            (selector, ALGEBRA),
        )


def test_each_selector_is_calibrated_and_its_certificate_names_the_rule(exams: Exams):
    publish_truth(exams.algebra)
    assert set(NAMES) == set(words(Controlled))
    fingerprints, seeds = set(), set()
    for selector, rule in NAMES.items():
        select_by(selector)
        with postgres.connect("orchestration") as conn:
            pool = item_bank.load(conn, ALGEBRA)
            request = SympsonHetter.resolve(pool.exam, {"tau": 0.6, "n": 1000})
            people = population.of_exam(conn, pool.exam, request)
        request = request.seeded(pool.fingerprint())
        found = exposure.calibrate(pool, [], request, people, lambda entry: True)
        assert isinstance(found, exposure.ExposureProposal)
        assert request.selector == found.summary["selector"] == selector
        assert found.certificate["rule"] == rule
        assert found.certificate["max_exposure"] <= 0.62
        assert found.summary["items_free"] >= request.test_len
        fingerprints.add(found.input_fingerprint)
        seeds.add(request.seed)
    assert len(fingerprints) == len(seeds) == len(NAMES)  # another rule is another calibration


def test_restriction_is_certified_as_it_is_delivered_and_publishes_no_sh_p(exams: Exams):
    publish_truth(exams.algebra)
    select_by("progressive_se")
    with postgres.connect("orchestration") as conn:
        pool = item_bank.load(conn, ALGEBRA)
        asked = {"exposure_control": "restricted", "tau": 0.4, "theta_dist": "normal(0,1)"}
        request = SympsonHetter.resolve(pool.exam, asked).seeded(pool.fingerprint())
        people = population.of_exam(conn, pool.exam, request)
    found = exposure.calibrate(pool, [], request, people, lambda entry: True)
    assert isinstance(found, exposure.ExposureProposal)
    assert all(finding.passed for finding in audit.exposure(found, pool) if finding.blocking)
    assert found.certificate["rule"] == NAMES["progressive_se"]
    assert found.certificate["n"] == exposure.CERTIFICATE_N
    assert found.certificate["max_exposure"] <= 0.401 < found.certificate["max_exposure_before"]
    assert set(found.sh_p) == {1.0}
    assert found.summary["exposure_control"] == "restricted"
    assert found.summary["restriction"] == {
        "question_id": [*found.question_id],
        "version": [*found.version],
        "cap": [0.4] * len(pool),
    }


@pytest.mark.parametrize("control", words(ByTheta))
def test_control_by_theta_is_certified_by_strata_and_never_re_estimated(
    exams: Exams, runner: Runner, today: date, control: str
):
    """Calibrated, audited and published by the exam's own job."""
    publish_truth(exams.algebra)
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE exams SET tau = 0.6, policy = jsonb_build_object('exposure_control', %s::text)"
            " WHERE exam_code = %s",
            (control, ALGEBRA),
        )
    ended = runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": {"n": 1000, "theta_dist": "normal(0,1)"}}},
    )
    assert ended.success, ended.error
    with postgres.connect("orchestration") as conn:
        run = runs.get(conn, runs.list(conn, runs.RunFilter(exam_code=ALGEBRA)).runs[0].id)
        assert run.status == "done", run.error
        pool = item_bank.load(conn, ALGEBRA)
        (due,) = night.plan(conn, today, exam_codes=[ALGEBRA])
        request = Reestimation.resolve(pool.exam, {}, day=today + timedelta(days=1))
        refused = reestimated_day.propose(conn, request)
    assert due.reestimation is None
    assert isinstance(refused, exposure.NothingToCalibrate)
    assert control in refused.reason or "no day lies between" in refused.reason
    summary = run.result["summary"]
    assert summary["exposure_control"] == control
    share = np.array(summary["by_theta"]["share"])
    assert share.shape == (len(summary["by_theta"]["edges"]) + 1, len(pool))
    assert share.max(axis=0).tolist() == [1.0] * len(pool)
    # of a few hundred simulated examinees a stratum; without control 1
    assert max(summary["max_stratum"]) <= 0.7
    assert max(summary["max_stratum"]) <= summary["max_stratum_upper"]


def test_an_exam_with_priorities_is_never_re_estimated(exams: Exams, runner: Runner, today: date):
    publish_truth(exams.algebra)
    select_by("priority")
    ended = runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": {"tau": 0.6}}},
    )
    assert ended.success, ended.error
    with postgres.connect("orchestration") as conn:
        run = runs.get(conn, runs.list(conn, runs.RunFilter(exam_code=ALGEBRA)).runs[0].id)
        assert run.status == "done", run.error
        in_force = item_bank.load(conn, ALGEBRA).sh_p
        assert in_force.tolist() == run.result["proposal"]["sh_p"]
        assert 0 < (in_force < 1).sum() <= in_force.size - 10
        (due,) = night.plan(conn, today, exam_codes=[ALGEBRA])
    assert due.reestimation is None


@pytest.fixture
def few(monkeypatch) -> tuple[RuleArm, ...]:
    """Four arms, one of the library alone: what others do is the science's to test."""
    arms = (
        RuleArm("maximum_information", "none"),
        RuleArm("maximum_information", "sympson_hetter"),
        RuleArm("progressive_se", "restricted"),
        RuleArm("progressive", "none"),
    )
    monkeypatch.setattr(comparison, "ARMS", arms)
    return arms


def test_rules_are_compared_for_an_exam_by_one_command(exams: Exams, few: tuple[RuleArm, ...]):
    publish_truth(exams.algebra)
    with postgres.connect("owner") as conn:
        conn.execute("UPDATE exams SET tau = 0.6 WHERE exam_code = %s", (ALGEBRA,))
    asked = ["exposure", "compare", "--exam", ALGEBRA, "--n", "500", "--evaluation-n", "2000"]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["tau"], found["test_length"], found["quota"]) == (0.6, 10, "none")
    assert len(found["rows"]) == len(few)
    assert any(row["on_front"] for row in found["rows"])
    assert str(few[found["in_use"]]) == "maximum_information + sympson_hetter"
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "progressive_se" in shown.stdout
    (now,) = [line for line in shown.stdout.splitlines() if line.split()[:1] == ["*"]]
    assert "+0.0" in now
    settings = dict(zip(map(str, few), found["settings"], strict=True))
    assert settings["progressive_se(1,0.3) + restricted"] == {
        "selector": "progressive_se",
        "exposure_control": "restricted",
    }
    assert "--selector progressive_se" in " ".join(shown.stdout.split())
    assert "library only" in " ".join(shown.stdout.split())
    assert "tests of 10, quota none" in shown.stdout


def asked_for_comparison() -> data_requests.DataRequest:
    """What became of a comparison that was asked for over the API."""
    with postgres.connect("owner") as conn:
        made = data_requests.create(
            conn, tenant_id="t", kind="comparison", exam=ALGEBRA, requested_by="amy"
        )
    with postgres.connect("orchestration") as conn:
        claimed = data_requests.claim(conn, made.id, "run-1")
    carry_out(claimed, others={"comparison": requested_comparison.compare_rules})
    with postgres.connect("orchestration") as conn:
        return data_requests.get(conn, made.id)


def test_a_comparison_that_is_asked_for_has_the_exam_s_own_rule_and_what_others_cost(
    exams: Exams, few: tuple[RuleArm, ...], monkeypatch
):
    monkeypatch.setattr(requested_comparison, "N", 500)
    monkeypatch.setattr(requested_comparison, "EVALUATION_N", 2000)
    refused = asked_for_comparison()
    assert refused.state == "refused"
    assert "no live item of exam" in str(refused.error)
    publish_truth(exams.algebra)
    own = {"selector": "randomesque", "exposure_control": "item_eligibility"}
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE exams SET tau = 0.6, policy = %s WHERE exam_code = %s", (Jsonb(own), ALGEBRA)
        )
    done = asked_for_comparison()
    assert done.state == "done", done.error
    found = done.report
    assert found is not None
    assert len(found["rows"]) == len(few) + 1  # the exam's own is none of the usual ones
    assert found["settings"][found["in_use"]] == own
    rmse = [row["rmse"] for row in found["rows"]]
    assert found["more_items"][found["in_use"]] == 0
    # a row that is less precise costs items, one that is more precise saves some
    for more, error in zip(found["more_items"], rmse, strict=True):
        longer = (10 + more) / 10
        assert longer == pytest.approx((error / rmse[found["in_use"]]) ** 2, abs=0.006)
    with postgres.connect("orchestration") as conn:
        assert found["input_fingerprint"] == item_bank.load(conn, ALGEBRA).fingerprint()


def test_a_comparison_of_a_bank_without_parameters_says_what_to_do(exams: Exams):
    asked = ["exposure", "compare", "--exam", ALGEBRA]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code != 0
    assert "no live item of exam" in str(done.exception)
    unknown = CliRunner().invoke(app, ["exposure", "compare", "--exam", "nowhere"])
    assert isinstance(unknown.exception, NotFoundError)
    assert "nowhere" in str(unknown.exception)
