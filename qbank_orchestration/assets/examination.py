"""Fairness and fit of an exam's items under the parameters in force."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from qbank.stores import item_bank, item_examinations, item_parameters, responses
from qbank_orchestration.assets.work import (
    CODE_VERSION,
    OWNERS,
    POOL,
    findings_as_results,
    retried,
)
from qbank_orchestration.engine import examination
from qbank_orchestration.engine.finding import forbidding, reason
from qbank_orchestration.metadata import tables
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

FAIRNESS, FIT = "item_fairness", "item_fit"
CHECKS = {
    "figures_are_numbers": (FAIRNESS, True, "Every figure is a number; else nothing is written."),
    "no_large_dif": (FAIRNESS, False, "No item is of ETS class C for a group of people."),
    "items_fit": (FIT, False, "Every item's answers follow its curve."),
    "items_are_independent": (FIT, False, "No two items go together beyond ability."),
    "no_item_compromised": (FIT, False, "No item was easier and faster from some moment on."),
    "persons_fit": (FIT, False, "Few persons' answers are not those of one ability."),
}
_DEPS: list[Any] = [
    "item_parameters",
    ["analytics", "irt_responses"],
    ["analytics_staging", "stg_people"],
]


def _spec(name: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        deps=_DEPS,
        description=description,
        group_name="bank",
        owners=OWNERS,
        kinds={"python", "numba"},
        code_version=CODE_VERSION,
        skippable=True,
    )


@dg.multi_asset(
    name="item_examination",
    specs=[
        _spec(
            FAIRNESS,
            "Differential item functioning by each attribute of people, at equal latent ability.",
        ),
        _spec(FIT, "Fit of each item's curve, leaks, pairs that go together, and fit of persons."),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            name, asset=asset, blocking=blocking, description=description, partitions_def=EXAM
        )
        for name, (asset, blocking, description) in CHECKS.items()
    ],
    partitions_def=EXAM,
    pool=POOL,
    # neither asset nor check has to come: an examination that its audit rejects writes nothing
    can_subset=True,
)
def item_examination(context: dg.AssetExecutionContext, database: Database) -> Iterator[Any]:
    """Examines the items that have parameters in force, and writes what passes its audit.

    One transaction puts it in the place of the examination before; what delivery reads does not
    change.
    """
    began = time.monotonic()
    exam_code = context.partition_key
    with retried():
        with database.connect() as conn:
            exam = item_bank.exam(conn, exam_code)
            attempts = responses.first_attempts(conn, exam_code, clocks=True)
            people = item_examinations.people(conn, exam, attempts.persons)
            published = item_parameters.in_force(conn, exam_code, exam.irt_model)
            names = item_bank.external_refs(conn, attempts.question_id.tolist())
        found = examination.examine(exam, attempts, published, people.attributes)
        findings = examination.audit(found, names)
        wrong = forbidding(findings)
        if not wrong:
            with database.connect() as conn:
                item_examinations.publish(
                    conn,
                    exam_code,
                    found,
                    people_version=people.version,
                    orchestrator_run_id=context.run.run_id,
                )
    took: dict[str, Any] = {
        "responses": found.responses,
        "persons": found.persons,
        "input_fingerprint": found.input_fingerprint,
        "code_version": CODE_VERSION,
        "duration_s": round(time.monotonic() - began, 3),
    }
    told: dict[str, dict[str, Any]] = {
        FAIRNESS: {
            "rows": len(found.fairness),
            "attributes": dict(found.summary["attributes"]),
            "largest_dif": tables.largest_dif(found.fairness),
        },
        FIT: {"rows": len(found.fit), "person_fit": dict(found.summary["person_fit"])},
    }
    for asset in (FAIRNESS, FIT):
        if dg.AssetKey(asset) not in context.selected_asset_keys:
            continue
        if wrong:
            _rejected(context, asset, reason(findings))
        else:
            yield dg.MaterializeResult(asset_key=asset, metadata=took | told[asset])
        own = [finding for finding in findings if CHECKS[finding.check][0] == asset]
        yield from findings_as_results(own, asset)


def _rejected(context: dg.AssetExecutionContext, asset: str, why: str) -> None:
    context.log_event(
        dg.AssetObservation(
            asset_key=asset,
            partition=context.partition_key,
            description=f"rejected: {why}",
            metadata={"not_materialized": why},
        )
    )
