"""Publication in Postgres, condition by condition: what it forbids, and what it puts in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import psycopg
import pytest

from qbank.stores import ConflictError, runs
from qbank_orchestration.assets import exposure as exposure_assets
from qbank_orchestration.assets import parameters as parameter_assets
from qbank_orchestration.assets import reestimation as reestimation_assets
from qbank_orchestration.engine import publication
from qbank_orchestration.engine.new_items import TriedOut
from tests.orchestration.audits.bank import EXAM, Bank
from tests.orchestration.audits.examples import item, published

PROPOSED = {1: 0.5, 2: 0.5, 3: 0.5, 4: 1.0, 5: 1.0}
"""What a proposal that is not altered puts in force; its last item is free of control."""

shifted = tuple(item(q, b=row.b + 1) for q, row in enumerate(published(), 1))
implausible = (*published()[:5], item(6, a=9.0, b=published()[5].b))

unsure = asdict(TriedOut(6, 1, 900, 1.0, 0.0, 0.0, 0.1, 0.9, "promoted"))

# by kind: a proposal that one blocking gate alone forbids
FORBIDDEN: dict[str, dict[str, dict[str, Any]]] = {
    "irt": {
        "parameters_in_bounds": {"rows": implausible},
        "fit_converged": {"converged": False},
        "drift_bounded": {"rows": shifted},
        "new_items_known_well": {"tried_out": [unsure]},
    },
    "sympson_hetter": {
        "sh_p_in_range": {"sh_p": (1.3, 0.5, 0.5, 1.0, 1.0, None)},
        "live_items_covered": {"items": (1, 2, 4, 5, 6), "sh_p": (0.5, 0.5, 1.0, 1.0, None)},
        "pool_unchanged": {"fingerprint": "another"},
        "exposure_bound": {"certificate": {"max_over_upper": 0.02}},
        "test_can_be_completed": {"sh_p": (0.5, 0.5, 0.5, 0.5, 1.0, None)},
    },
    "reestimation": {
        "sh_p_in_range": {"sh_p": (1.3, 0.5, 0.5, 1.0, 1.0, None)},
        "rates_are_possible": {"rate": [0.2, 1.2]},
        "live_items_covered": {"items": (1, 2, 4, 5, 6), "sh_p": (0.5, 0.5, 1.0, 1.0, None)},
    },
    "rollback": {"sh_p_in_range": {"sh_p": (1.3, 0.5, 0.5, 1.0, 1.0, None)}},
}
DECLARED = {
    "irt": parameter_assets.CHECKS,
    "sympson_hetter": exposure_assets.CHECKS,
    "reestimation": reestimation_assets.CHECKS,
}
DAY = {"day": "2026-01-02"}


def result(bank: Bank, kind: str, **changes: Any) -> dict[str, Any]:
    return bank.fit(**changes) if kind == "irt" else bank.exposure(**changes)


@pytest.mark.parametrize(
    ("kind", "check"), [(kind, check) for kind, checks in FORBIDDEN.items() for check in checks]
)
def test_each_blocking_gate_keeps_a_proposal_from_the_bank(bank: Bank, kind: Any, check: str):
    bank.control({1: 0.9})
    before = bank.parameters(), bank.sh_p()
    run = bank.run(kind, result(bank, kind, **FORBIDDEN[kind][check]), **DAY)
    outcome = publication.publish(bank.conn, run.id)
    assert outcome.status == "rejected"
    assert [f.check for f in outcome.findings if f.blocking and not f.passed] == [check]
    assert (bank.parameters(), bank.sh_p()) == before
    ended = runs.get(bank.conn, run.id)
    assert (ended.status, ended.stopped_reason) == ("rejected", "audit")
    assert ended.error is not None
    assert ended.error.startswith(f"{check}: ")
    assert ended.result is not None
    assert ended.result["published"] is None
    assert check in [c["check"] for c in ended.result["checks"] if not c["passed"]]


@pytest.mark.parametrize("kind", list(DECLARED))
def test_no_blocking_gate_is_forgotten(kind: str):
    """Feasible caps are judged before there is a proposal."""
    blocking = {name for name, (blocks, _) in DECLARED[kind].items() if blocks}
    assert set(FORBIDDEN[kind]) == blocking - {"caps_feasible"}


@pytest.mark.parametrize("kind", list(DECLARED))
def test_the_gates_block_as_they_are_declared(bank: Bank, kind: Any):
    run = bank.run(kind, result(bank, kind), **DAY)
    found = {f.check: f.blocking for f in publication.findings_of(bank.conn, run)}
    declared = {name: blocks for name, (blocks, _) in DECLARED[kind].items()}
    assert found == {name: declared[name] for name in declared if name != "caps_feasible"}


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("irt", {"rows": published()[:3], "scale": {"compared": 3, "drifted": 3}}),
        ("sympson_hetter", {"converged": False}),
        ("reestimation", {"sessions": 1}),
    ],
)
def test_advice_holds_nothing_up(bank: Bank, kind: Any, advice: dict[str, Any]):
    run = bank.run(kind, result(bank, kind, **advice), **DAY)
    outcome = publication.publish(bank.conn, run.id)
    assert outcome.status == "done"
    assert any(not f.passed for f in outcome.findings)


def test_passing_parameters_are_put_in_force(bank: Bank):
    rows = tuple(item(q, a=1.1, b=row.b + 0.1) for q, row in enumerate(published(), 1))
    run = bank.run("irt", bank.fit(rows))
    outcome = publication.publish(bank.conn, run.id)
    assert (outcome.status, outcome.numbers["changed"]) == ("done", 6)
    assert [(p.a, p.b) for p in bank.parameters()] == [(row.a, row.b) for row in rows]


@pytest.mark.parametrize("kind", ["sympson_hetter", "reestimation", "rollback"])
def test_passing_exposure_parameters_are_put_in_force(bank: Bank, kind: Any):
    run = bank.run(kind, bank.exposure(), **DAY)
    outcome = publication.publish(bank.conn, run.id)
    assert outcome.status == "done"
    # a re-estimated sh_p = 1 of an item without a control says nothing new
    wanted = {n: k for n, k in PROPOSED.items() if kind != "reestimation" or k != 1}
    assert bank.sh_p() == wanted
    assert outcome.numbers["changed"] == len(wanted)
    ended = runs.get(bank.conn, run.id)
    assert ended.result is not None
    assert ended.result["published"]["changed"] == len(wanted)
    assert (ended.status, ended.stopped_reason) == ("done", None)


@pytest.mark.parametrize("kind", ["irt", "sympson_hetter", "reestimation"])
def test_a_dry_run_ends_before_the_bank(bank: Bank, kind: Any):
    before = bank.parameters()
    changed = {"rows": tuple(item(q, a=1.2, b=p.b) for q, p in enumerate(published(), 1))}
    run = bank.run(
        kind, result(bank, kind, **(changed if kind == "irt" else {})), dry_run=True, **DAY
    )
    outcome = publication.publish(bank.conn, run.id)
    assert (outcome.status, outcome.stopped_reason) == ("done", "dry_run")
    assert outcome.numbers == {"changed": 0}
    assert (bank.parameters(), bank.sh_p()) == (before, {})
    ended = runs.get(bank.conn, run.id)
    assert (ended.status, ended.stopped_reason) == ("done", "dry_run")
    assert ended.result is not None
    assert ended.result["published"] is None


def test_a_dry_run_that_fails_its_audit_is_rejected(bank: Bank):
    run = bank.run("irt", bank.fit(converged=False), dry_run=True)
    assert publication.publish(bank.conn, run.id).status == "rejected"


def test_a_run_that_somebody_canceled_publishes_nothing(bank: Bank):
    run = bank.run("sympson_hetter", bank.exposure())
    runs.request_cancel(bank.conn, run.id)
    outcome = publication.publish(bank.conn, run.id)
    assert (outcome.status, outcome.findings) == ("canceled", ())
    assert bank.sh_p() == {}


def test_a_run_without_a_proposal_cannot_publish(bank: Bank):
    run = bank.run("sympson_hetter", None)
    with pytest.raises(ConflictError, match="is running, not proposed: nothing is published"):
        publication.publish(bank.conn, run.id)


@pytest.mark.parametrize("result", [{}, {"summary": {"items": 3}}])
def test_what_holds_no_proposal_is_not_proposed(bank: Bank, result: dict[str, Any]):
    with pytest.raises(psycopg.errors.CheckViolation, match="proposed_check"):
        bank.run("sympson_hetter", result)


@pytest.mark.parametrize("status", ["done", "failed", "rejected"])
def test_a_run_that_ended_cannot_publish(bank: Bank, status: Any):
    run = bank.run("sympson_hetter", bank.exposure())
    runs.finish(bank.conn, run.id, status, stopped_reason="somebody")
    with pytest.raises(ConflictError, match=rf"is {status} \(somebody\), not proposed"):
        publication.publish(bank.conn, run.id)
    assert bank.sh_p() == {}


def test_a_run_that_somebody_asks_to_cancel_while_it_proposes_publishes_nothing(bank: Bank):
    run = bank.run("sympson_hetter", bank.exposure())
    bank.conn.execute(
        "UPDATE calibration_runs SET cancel_requested_at = now() WHERE id = %s", (run.id,)
    )
    assert publication.publish(bank.conn, run.id).status == "canceled"
    assert runs.get(bank.conn, run.id).status == "canceled"
    assert bank.sh_p() == {}


def keep(bank: Bank, result: dict[str, Any], **params: Any) -> tuple[Any, runs.Run]:
    """What an asset does with what it computed."""
    run = bank.run("sympson_hetter", None, **params)
    findings = publication.propose(bank.conn, run.id, result, input_fingerprint="seen", seed=7)
    return findings, runs.get(bank.conn, run.id)


def test_a_proposal_that_passes_waits_for_its_publication(bank: Bank):
    findings, run = keep(bank, bank.exposure())
    assert all(f.passed for f in findings)
    assert (run.status, run.input_fingerprint, run.seed) == ("proposed", "seen", 7)
    assert bank.sh_p() == {}
    assert publication.publish(bank.conn, run.id).status == "done"
    assert bank.sh_p() == PROPOSED


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_proposal_that_a_gate_forbids_ends_where_it_is_made(bank: Bank, dry_run: bool):
    forbidden = bank.exposure(fingerprint="another")
    findings, run = keep(bank, forbidden, dry_run=dry_run)
    assert [f.check for f in findings if not f.passed] == ["pool_unchanged"]
    assert (run.status, run.stopped_reason) == ("rejected", "audit")


def test_a_dry_run_ends_where_it_is_made(bank: Bank):
    _, run = keep(bank, bank.exposure(), dry_run=True)
    assert (run.status, run.stopped_reason) == ("done", "dry_run")
    assert run.result is not None
    assert run.result["published"] is None
    assert {check["check"] for check in run.result["checks"]} >= {"pool_unchanged"}
    assert bank.sh_p() == {}


def test_a_run_that_is_ended_between_audit_and_publication_publishes_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
):
    run = bank.run("sympson_hetter", bank.exposure())
    honest = publication.findings_of

    def meanwhile(conn: Any, row: runs.Run) -> Any:
        findings = honest(conn, row)
        runs.finish(conn, row.id, "failed", error="its process died")
        return findings

    monkeypatch.setattr(publication, "findings_of", meanwhile)
    with pytest.raises(ConflictError, match="was ended while it published"):
        publication.publish(bank.conn, run.id)
    assert bank.sh_p() == {}


def test_only_a_calibration_asks_for_the_pool_it_saw(bank: Bank):
    """A re-estimation and a rollback change items one by one, whatever else the pool holds."""
    for kind in ("reestimation", "rollback"):
        run = bank.run(kind, bank.exposure(fingerprint="another"), **DAY)
        assert publication.publish(bank.conn, run.id).status == "done"


def test_a_day_that_lies_back_changes_only_what_nothing_later_set(bank: Bank):
    later = bank.run("reestimation", bank.exposure(sh_p=(0.2, 1.0, 1.0, 1.0, 1.0, 1.0)),
                     day="2026-01-03")  # fmt: skip
    assert publication.publish(bank.conn, later.id).numbers["overtaken"] == 0
    assert bank.sh_p() == {1: 0.2}
    earlier = bank.run(
        "reestimation", bank.exposure(sh_p=(0.7, 0.8, 1.0, 1.0, 1.0, 1.0)), day="2026-01-02"
    )
    outcome = publication.publish(bank.conn, earlier.id)
    # item 1 was moved to 0.2 and item 2 back to 1 by the later day
    assert outcome.numbers["overtaken"] == 2
    assert outcome.numbers["changed"] == 0
    assert bank.sh_p() == {1: 0.2}
    newest = bank.run(
        "reestimation", bank.exposure(sh_p=(0.3, 0.8, 1.0, 1.0, 1.0, 1.0)), day="2026-01-04"
    )
    outcome = publication.publish(bank.conn, newest.id)
    assert (outcome.numbers["overtaken"], outcome.numbers["changed"]) == (0, 2)
    assert bank.sh_p() == {1: 0.3, 2: 0.8}


def test_a_day_further_back_than_the_days_that_are_followed(bank: Bank):
    """Fourteen later days decide; of an item that none of them names there is nothing in force."""
    newcomers = bank.items[4:]
    bank.conn.execute(
        "DELETE FROM item_calibration WHERE question_id = ANY(%s)", (list(newcomers),)
    )
    for day in range(10, 24):
        later = bank.run("reestimation", bank.exposure(sh_p=(0.5,) * 4), day=f"2026-01-{day}")
        assert publication.publish(bank.conn, later.id).status == "done"
    # a control that was written without its history
    bank.conn.execute(
        "INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p, updated_by)"
        " VALUES (%s, %s, 1, 0.7, 'import')",
        (EXAM, newcomers[0]),
    )
    early = bank.run(
        "reestimation", bank.exposure(sh_p=(0.5, 0.5, 0.5, 0.5, 1.0, 0.4)), day="2026-01-02"
    )
    outcome = publication.publish(bank.conn, early.id)
    assert (outcome.numbers["overtaken"], outcome.numbers["changed"]) == (1, 1)
    assert bank.sh_p() == {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5, 5: 1.0}


def test_items_pinned_by_hand_stay(bank: Bank):
    bank.control({1: 0.9})
    bank.conn.execute("UPDATE item_exposure_control SET pinned = true")
    run = bank.run("sympson_hetter", bank.exposure())
    outcome = publication.publish(bank.conn, run.id)
    assert (outcome.numbers["pinned"], outcome.numbers["overtaken"]) == (1, 0)
    assert bank.sh_p() == PROPOSED | {1: 0.9}
