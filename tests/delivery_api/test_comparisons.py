"""Selection rules compared, over the API: the newest table read, another one asked for."""

from __future__ import annotations

from typing import Any

import pytest

from qbank.postgres import connect
from qbank.stores import data_requests, item_bank
from tests.orchestration.comparisons import SETTINGS, report

PATH = "/v1/exams/core/comparison"


@pytest.fixture(autouse=True)
def clean(world):
    yield
    with world.connect() as conn:
        conn.execute("DELETE FROM data_requests")
        conn.execute("UPDATE exams SET policy = policy - 'selector' WHERE exam_code = 'core'")


def made(world: Any) -> dict[str, Any]:
    """Of the exam as it is now."""
    with connect("orchestration", settings=world.settings) as conn:
        return report(item_bank.load(conn, "core").fingerprint())


def end(world: Any, state: data_requests.DataRequestState, **told: Any) -> None:
    """Ends what waits, as the orchestrator does."""
    with world.connect() as conn:
        (asked,) = [one for one in data_requests.opened(conn) if one.kind == "comparison"]
        claimed = data_requests.claim(conn, asked.id, "run-1")
        data_requests.finish(conn, claimed, state, **told)


def test_a_comparison_is_asked_for_and_read(client, as_user, world):
    ana, amy = as_user("ana", "analyst"), as_user("amy", "admin")
    nothing = {"exam_code": "core", "newest": None, "asked": None}
    assert client.get(PATH, headers=ana).json() == nothing
    asked = client.post(PATH, headers=amy)
    assert asked.status_code == 202, asked.text
    assert asked.headers["location"] == PATH
    waits = client.get(PATH, headers=ana).json()
    assert (waits["newest"], waits["asked"]["state"]) == (None, "queued")
    assert waits["asked"]["id"] == asked.json()["id"]
    end(world, "done", report=made(world))
    found = client.get(PATH, headers=ana).json()["newest"]
    assert found["is_current"]
    assert [row["in_use"] for row in found["rows"]] == [False, True, False]
    assert [row["settings"] for row in found["rows"]] == list(SETTINGS)
    assert [row["more_items"] for row in found["rows"]] == [-5.2, 0.0, 1.4]
    # another one that fails takes nothing away
    client.post(PATH, headers=amy)
    end(world, "refused", error="the exposure caps are infeasible")
    both = client.get(PATH, headers=ana).json()
    assert both["newest"] == found
    assert both["asked"]["error"] == "the exposure caps are infeasible"
    stranger = as_user("ana", "analyst", tenant="other")
    assert client.get(PATH, headers=stranger).status_code == 404
    (note, _) = client.get(
        "/v1/admin/audit", params={"action": "comparison.ask"}, headers=amy
    ).json()["items"]
    assert note["actor"] == "amy"


def test_what_is_in_use_is_what_the_exam_is_set_to_now(client, as_user, world):
    amy = as_user("amy", "admin")
    client.post(PATH, headers=amy)
    end(world, "done", report=made(world))
    set_to = client.patch("/v1/exams/core", json={"selector": "vanilla"}, headers=amy)
    assert set_to.status_code == 200, set_to.text
    found = client.get(PATH, headers=amy).json()["newest"]
    assert not found["is_current"]
    assert [row["in_use"] for row in found["rows"]] == [True, False, False]
    # costs were of what was in use then
    assert {row["more_items"] for row in found["rows"]} == {None}
