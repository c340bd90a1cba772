"""What people decide on flags of items: it holds for a raising of a version, and has a history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from qbank.item_flags import FLAGS
from qbank.postgres import connect

NOW = datetime.now(UTC)


class Flags:
    """Raises flags as a build of the marts does, and asks the API as a person does."""

    def __init__(self, world: Any, client: Any, as_user: Any) -> None:
        self._world, self._client = world, client
        self.callers = {
            name: as_user(name, role)
            for name, role in (("ana", "analyst"), ("rita", "reviewer"), ("stu", "student"))
        }
        self.other = as_user("ana", "admin", tenant="other")

    def run(self, query: str, *values: Any) -> None:
        with self._world.connect() as conn:
            conn.execute(query, values)

    def raises(self, question: int, flag: str, *, version: int = 1, days_ago: float = 0) -> None:
        self.run(
            """INSERT INTO item_flags (exam_code, question_id, version, flag, raised_at)
            VALUES ('core', %s, %s, %s, now() - %s * interval '1 day')""",
            *(question, version, flag, days_ago),
        )

    def is_gone(self, question: int, flag: str) -> None:
        self.run(
            """UPDATE item_flags SET gone_at = now()
            WHERE question_id = %s AND flag = %s AND gone_at IS NULL""",
            *(question, flag),
        )

    def decide(self, question: int, flag: str, action: str, /, by: str = "ana", **more: Any) -> Any:
        body = {"exam_code": "core", "question_id": question, "version": 1, "flag": flag}
        body |= {"action": action, "reason": f"{action} because"} | more
        return self._client.post("/v1/results/flags/decisions", json=body, headers=self.callers[by])

    def get(self, path: str = "", headers: Any = None, **params: Any) -> list[dict[str, Any]]:
        answer = self._client.get(
            f"/v1/results/flags{path}", params=params, headers=headers or self.callers["ana"]
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["total"] >= len(page["items"])
        return list(page["items"])

    def standing(self, question: int) -> dict[str, str]:
        return {row["flag"]: row["standing"] for row in self.get(question_id=question)}


@pytest.fixture(scope="module")
def flags(world: Any, client: Any, as_user: Any) -> Flags:
    return Flags(world, client, as_user)


def test_a_decision_answers_one_flag_and_is_listed_by_where_it_stands(flags, world):
    item = world.questions[1]
    for flag in ("is_too_hard", "is_drifted", "has_suspect_key"):
        flags.raises(item, flag)
    assert [row["flag"] for row in flags.get(question_id=item)] == [
        "has_suspect_key",
        "is_drifted",
        "is_too_hard",
    ]
    answer = flags.decide(item, "is_drifted", "assigned", by="rita", assignee="otto")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["standing"], told["assignee"], told["decided_by"]) == ("assigned", "otto", "rita")
    assert (told["label"], told["severity"]) == ("Drifted", "look this week")
    assert flags.decide(item, "is_too_hard", "acknowledged").json()["standing"] == "acknowledged"
    assert flags.standing(item) == {
        "has_suspect_key": "open",
        "is_drifted": "assigned",
        "is_too_hard": "acknowledged",
    }
    (open_one,) = flags.get(question_id=item, standing="open")
    assert open_one["flag"] == "has_suspect_key"
    (ottos,) = flags.get(assignee="otto")
    assert (ottos["question_id"], ottos["reason"]) == (item, "assigned because")
    # taken over, then put back
    flags.decide(item, "is_drifted", "assigned", assignee="ana")
    assert flags.get(assignee="otto") == []
    assert flags.decide(item, "is_drifted", "reopened").json()["standing"] == "open"
    assert flags.get("", flags.other) == []


def test_a_snooze_ends_by_itself(flags, world):
    item = world.questions[2]
    flags.raises(item, "is_unused", days_ago=9)
    until = (NOW + timedelta(days=7)).date()
    told = flags.decide(item, "is_unused", "snoozed", snoozed_until=str(until)).json()
    assert (told["standing"], told["snoozed_until"]) == ("snoozed", f"{until}T00:00:00Z")
    flags.raises(item, "is_drifted", days_ago=9)
    flags.run(  # as somebody snoozed it eight days ago, for a week
        """INSERT INTO item_flag_decisions (flag_id, tenant_id, question_id, action, reason,
            decided_by, created_at, snoozed_until)
        SELECT id, tenant_id, question_id, 'snoozed', 'why', 'ana', now() - interval '8 days',
            now() - interval '1 second'
        FROM item_flags WHERE question_id = %s AND flag = 'is_drifted'""",
        item,
    )
    assert flags.standing(item) == {"is_drifted": "open", "is_unused": "snoozed"}
    assert [row["flag"] for row in flags.get(question_id=item, standing="open")] == ["is_drifted"]


def test_what_comes_back_or_is_raised_of_the_next_version_is_open(flags, world):
    item = world.questions[3]
    flags.raises(item, "is_drifted", days_ago=30)
    flags.decide(item, "is_drifted", "acknowledged")
    flags.is_gone(item, "is_drifted")
    assert flags.standing(item) == {}
    flags.raises(item, "is_drifted")
    assert flags.standing(item) == {"is_drifted": "open"}
    flags.decide(item, "is_drifted", "acknowledged")
    flags.is_gone(item, "is_drifted")
    flags.run(
        """INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
        SELECT question_id, 2, 'again', topic_id, 'test' FROM question_versions
        WHERE question_id = %s""",
        item,
    )
    flags.raises(item, "is_drifted", version=2)
    assert flags.standing(item) == {"is_drifted": "open"}
    answer = flags.decide(item, "is_drifted", "acknowledged")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"flag is_drifted is not raised for version 1 of question {item} in exam 'core': decide on"
        " that of version 2, which is live",
    )
    told = flags.get("/history", exam_code="core", question_id=item)
    assert [(row["version"], row["event"], row["by"], row["reason"]) for row in told] == [
        (2, "raised", None, None),
        (1, "gone", None, None),
        (1, "acknowledged", "ana", "acknowledged because"),
        (1, "raised", None, None),
        (1, "gone", None, None),
        (1, "acknowledged", "ana", "acknowledged because"),
        (1, "raised", None, None),
    ]
    assert flags.get("/history", flags.other, exam_code="core", question_id=item) == []


def test_what_changed_since_a_moment_leaves_out_what_came_and_went(flags, world):
    old, new, gone, passing = world.questions[10:14]
    flags.raises(old, "is_drifted", days_ago=3)
    flags.raises(gone, "is_drifted", days_ago=3)
    flags.is_gone(gone, "is_drifted")
    flags.raises(passing, "is_drifted", days_ago=0.1)
    flags.is_gone(passing, "is_drifted")
    flags.raises(new, "is_drifted", days_ago=0.5)

    def changed(**params: Any) -> set[tuple[str, int]]:
        mine = (old, new, gone, passing)
        rows = flags.get("/changes", exam_code="core", page_size=200, **params)
        return {(row["change"], row["question_id"]) for row in rows if row["question_id"] in mine}

    assert changed() == {("raised", new), ("gone", gone)}
    assert changed(since=(NOW - timedelta(days=4)).isoformat()) == {
        ("raised", old),
        ("raised", new),
    }
    assert changed(since=(NOW + timedelta(hours=1)).isoformat()) == set()


@pytest.mark.parametrize(
    ("status", "change", "said"),
    [
        (422, {"flag": "is_drfted"}, "flag 'is_drfted' is unknown: use one of has_suspect_key, "),
        (404, {"flag": "is_too_easy"}, "is not raised for version 1 of question "),
        (404, {"exam_code": "theirs"}, "exam 'theirs'"),
        (422, {"action": "assigned"}, "assignee is missing: action assigned needs it"),
        (422, {"action": "snoozed"}, "snoozed_until is missing: action snoozed needs it"),
        (422, {"assignee": "otto"}, "assignee is 'otto', and action is acknowledged: leave it out"),
        (
            422,
            {"action": "snoozed", "snoozed_until": "2026-01-01"},
            "snoozed_until is 2026-01-01T00:00:00+00:00: use a time after now and within 366 days",
        ),
        (
            422,
            {"action": "snoozed", "snoozed_until": (NOW + timedelta(days=367)).isoformat()},
            "use a time after now and within 366 days, by ",
        ),
        (409, {"action": "reopened"}, "is open already: there is nothing to reopen"),
        (422, {"reason": " "}, "must not be blank"),
    ],
)
def test_a_decision_that_cannot_be_is_told_what_to_do(flags, world, status, change, said):
    item = world.questions[20]
    if flags.standing(item) == {}:
        flags.raises(item, "is_unused")
    answer = flags.decide(item, "is_unused", "acknowledged", **change)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert flags.standing(item) == {"is_unused": "open"}


def test_decisions_are_only_added_to_and_of_the_person_of_the_transaction(flags, world):
    item = world.questions[21]
    flags.raises(item, "is_unused")
    assert flags.decide(item, "is_unused", "acknowledged").status_code == 200
    with world.connect() as conn:
        audited = conn.execute(
            "SELECT actor, details FROM audit_log WHERE action = 'item_flag.acknowledged'"
            " AND target = %s",
            (f"exam=core question={item} version=1",),
        ).fetchall()
        assert audited == [("ana", {"flag": "is_unused", "reason": "acknowledged because"})]
        for change in (
            "UPDATE item_flag_decisions SET reason = 'x'",
            "DELETE FROM item_flag_decisions",
        ):
            with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
                conn.execute(change)
            conn.rollback()
    insert = """INSERT INTO item_flag_decisions (flag_id, tenant_id, question_id, action, reason,
            decided_by)
        SELECT id, tenant_id, question_id, 'acknowledged', 'why', %s FROM item_flags
        WHERE question_id = %s"""
    with connect("delivery", settings=world.settings) as conn:
        for actor, error in (("ben", "of the actor"), ("amy", "without a row in the audit log")):
            conn.execute(
                "SELECT set_config('qbank.tenant_id', 'demo', true),"
                " set_config('qbank.actor', 'amy', true)"
            )
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with pytest.raises(psycopg.Error, match=error):
                conn.execute(insert, (actor, item))
            conn.rollback()


def test_every_flag_has_a_place_in_the_document(client):
    told = client.get("/openapi.json").json()["components"]["schemas"]["FlagDecision"]
    assert all(f"`{flag}`" in told["properties"]["flag"]["description"] for flag in FLAGS)
