"""Items with a wrong key are fitted, held back with a reason, and never reach delivery."""

from __future__ import annotations

from typing import LiteralString

import dagster as dg
from psycopg import sql

from qbank import postgres
from qbank.stores import item_bank, item_parameters, runs
from qbank_orchestration.engine.item_gates import REASONS
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, Exams

# every third of those who do not know chooses the distractor that is scored
DISTRACTOR = "NOT is_correct AND mod(hashtext(response_id::text || 'distractor'), 3) = 0"


def score(question_ids: list[int], rule: LiteralString) -> None:
    with postgres.connect("owner") as conn:
        conn.execute(
            sql.SQL(
                "UPDATE analytics.fact_responses SET is_correct = {}"
                " WHERE exam_code = %s AND question_id = ANY(%s)"
            ).format(sql.SQL(rule)),
            (ALGEBRA, question_ids),
        )


def published() -> set[int]:
    with postgres.connect("orchestration") as conn:
        return {row.question_id for row in item_parameters.in_force(conn, ALGEBRA, "2pl")}


def held_back() -> dict[int, str]:
    with postgres.connect("orchestration") as conn:
        run = runs.latest(conn, ALGEBRA, "irt")
    assert run is not None
    assert run.result is not None
    return {item["question_id"]: item["reason"] for item in run.result["summary"]["held_back"]}


def test_bad_items_are_held_back_and_the_others_published(exams: Exams, runner: Runner):
    items = exams.algebra.question_id.tolist()
    miskeyed, impossible, trivial = items[10:14], items[20], items[21]
    score(miskeyed, DISTRACTOR)
    score([impossible], "false")
    score([trivial], "true")
    ended = runner.run("calibrate_parameters", partition=ALGEBRA)
    assert ended.success, ended.error
    assert "irt_calibration.estimates_fit_for_use" in ended.warnings
    wanted = dict.fromkeys(miskeyed, "falls_with_ability")
    wanted |= {impossible: "all_incorrect", trivial: "all_correct"}
    assert held_back() == wanted
    assert published() == set(items) - set(wanted)

    # the asset's page says which, why, and what to do
    with instance() as opened:
        (shown,) = opened.fetch_materializations(dg.AssetKey("irt_calibration"), limit=1).records
    assert shown.asset_materialization is not None
    table = shown.asset_materialization.metadata["held_back"].value
    told = {record.data["question_id"]: record.data["remedy"] for record in table.records}
    assert told == {question: REASONS[reason].remedy for question, reason in wanted.items()}
    refs = {record.data["external_ref"] for record in table.records}
    with postgres.connect("orchestration") as conn:
        assert refs == set(item_bank.external_refs(conn, [*wanted]).values())
    assert len(refs) == len(wanted)


def test_an_item_whose_key_went_wrong_keeps_what_is_published(
    calibrated: Exams, calibrated_runner: Runner
):
    question = int(calibrated.algebra.question_id[12])
    with postgres.connect("orchestration") as conn:
        before = {r.question_id: r for r in item_parameters.in_force(conn, ALGEBRA, "2pl")}
    score([question], DISTRACTOR)
    ended = calibrated_runner.run("calibrate_parameters", partition=ALGEBRA)
    assert ended.success, ended.error
    assert held_back() == {question: "falls_with_ability"}
    with postgres.connect("orchestration") as conn:
        after = {r.question_id: r for r in item_parameters.in_force(conn, ALGEBRA, "2pl")}
    assert after[question] == before[question]
