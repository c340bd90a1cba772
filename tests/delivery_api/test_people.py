"""What is stored about a person, over the API: given out and erased for their tenant's admins."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from qbank.importing.requested import carry_out
from qbank.people import erase, everything_about, requested
from qbank.postgres import connect
from qbank.retention import RetentionSettings, old_uploads
from qbank.stores import data_requests
from tests.delivery_api.test_imports import GIVEN, count, send, take_back, told, work

ODD = 'o"d\\d'
ANSWERS = "user_id,question,correct\n" + "".join(
    f"{person},q{n},{n % 2}\n" for person in ("anna", "ben", "cleo") for n in range(3)
)
PATH = "/v1/admin/people"


@pytest.fixture
def amy(as_user):
    return as_user("amy", "admin")


@pytest.fixture(autouse=True)
def answers(client, amy, world):
    """Three people with answers, who are not there for the next test."""
    send(client, amy, ANSWERS, **GIVEN)
    assert work(world) == ["done"]
    yield
    take_back(world)


def ask(client, headers, what="exports", user_id="anna", **given):
    return client.post(f"{PATH}/{what}", json={"user_id": user_id} | given, headers=headers)


def document(client, headers, asked):
    return client.get(f"{asked.headers['location']}/document", headers=headers)


def noted(client, headers, action):
    answer = client.get("/v1/admin/audit", params={"action": action}, headers=headers)
    return answer.json()["items"]


def test_a_person_is_given_out_as_the_command_does_it(client, amy, as_user, world):
    asked = ask(client, amy)
    assert document(client, amy, asked).status_code == 404
    assert work(world) == ["done"]
    found = told(client, amy, asked)
    assert (found["kind"], found["user_id"], found["state"]) == ("person_export", "anna", "done")
    given = document(client, amy, asked)
    assert given.headers["content-type"] == "application/json"
    shown = given.json()
    wanted = json.loads(json.dumps(everything_about("anna", settings=world.settings), default=str))
    assert {*shown} == {*wanted}
    assert [row["quiz_id"] for row in shown["answers"]] == [
        row["quiz_id"] for row in wanted["answers"]
    ]
    assert len(shown["answers"]) == 3
    assert "ben" not in given.text
    # who asked, and who read it, without a name that would stay
    target = f"request={found['id']}"
    for action in ("person.ask", "person.read"):
        (note, *_) = noted(client, amy, action)
        assert (note["actor"], note["target"], "anna" in json.dumps(note)) == (
            "amy",
            target,
            False,
        )
    # it is no import, and another tenant's it is not at all
    stranger = as_user("amy", "admin", tenant="other")
    assert document(client, stranger, asked).status_code == 404
    for where in (f"/v1/imports/{found['id']}", f"/v1/imports/{found['id']}/rejects"):
        assert client.get(where, headers=amy).status_code == 404
    assert {one["kind"] for one in client.get("/v1/imports", headers=amy).json()["items"]} == {
        "responses"
    }
    with connect("delivery", settings=world.settings) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'other', true)")
        assert conn.execute("SELECT FROM data_request_files").fetchall() == []
        assert conn.execute("SELECT FROM data_requests").fetchall() == []
    # and it does not stay for ever
    keep, later = RetentionSettings(), datetime.now(UTC) + timedelta(days=15)
    assert old_uploads(later, keep, world.settings, dry_run=False).count == 1
    assert document(client, amy, asked).status_code == 404
    assert told(client, amy, asked)["has_document"] is False


def test_a_person_of_another_tenant_is_nobody(client, amy, as_user, world):
    stranger = as_user("olga", "admin", tenant="other")
    for what in ("exports", "erasures"):
        asked = ask(client, stranger, what)
        assert work(world) == ["refused"]
        found = told(client, stranger, asked)
        assert found["error"].startswith("nothing is stored about this id in tenant 'other'")
        # whom nobody knows is kept by no name
        assert found["user_id"] == "(erased)"
    assert len(everything_about("anna", settings=world.settings)["answers"]) == 3


def test_a_person_is_erased_with_what_was_given_out(client, amy, world):
    exported, other = ask(client, amy), ask(client, amy, user_id="ben")
    tried = ask(client, amy, "erasures", dry_run=True)
    assert work(world) == ["done"] * 3
    counts = told(client, amy, tried)["erased"]
    assert (counts["removed"]["user_responses"], counts["removed"]["data_request_files"]) == (3, 1)
    assert len(everything_about("anna", settings=world.settings)["answers"]) == 3
    asked = ask(client, amy, "erasures")
    assert work(world) == ["done"]
    done = told(client, amy, asked)
    assert (done["erased"]["removed"], done["user_id"]) == (counts["removed"], "(erased)")
    assert document(client, amy, exported).status_code == 404
    assert document(client, amy, other).status_code == 200
    assert told(client, amy, exported)["user_id"] == "(erased)"
    (note,) = noted(client, amy, "person.erase")
    assert (note["actor"], note["target"]) == ("amy", "person=(erased)")
    with world.connect() as conn:
        left = "SELECT count(*) FROM data_requests AS t WHERE strpos(t::text, 'anna') > 0"
        assert conn.execute(left).fetchone() == (0,)
    again = ask(client, amy, "erasures")
    assert work(world) == ["refused"]
    assert "nothing is stored about this id" in told(client, amy, again)["error"]


def test_a_document_that_names_whom_it_is_not_about_goes_with_them(client, amy, world):
    send(client, amy, ANSWERS.replace("cleo", ODD.replace('"', '""')), **GIVEN, sitting="second")
    asked = ask(client, amy, user_id="ben")
    assert work(world) == ["done"] * 2
    with world.connect() as conn:
        text = json.dumps({"named": ODD}).encode()
        conn.execute("UPDATE data_request_files SET data = %s WHERE what = 'document'", (text,))
    erase("cleo", settings=world.settings)
    assert document(client, amy, asked).status_code == 200
    with world.connect() as conn:
        conn.execute("UPDATE quiz_sessions SET user_id = %s WHERE user_id = 'anna'", (ODD,))
    erase(ODD, settings=world.settings)
    assert document(client, amy, asked).status_code == 404


def test_a_quiz_under_way_is_erased_only_when_asked_for(client, amy, world):
    with world.connect() as conn:
        conn.execute(
            "UPDATE quiz_sessions SET sealed_at = NULL, expires_at = now() + interval '1 h'"
            " WHERE user_id = 'anna'"
        )
    refused = ask(client, amy, "erasures")
    assert work(world) == ["refused"]
    assert "--with-open" in told(client, amy, refused)["error"]
    ask(client, amy, "erasures", with_open=True)
    assert work(world) == ["done"]


@pytest.mark.parametrize("first", ["export", "erasure"])
def test_nothing_is_given_out_beside_an_erasure(client, amy, world, monkeypatch, first):
    """Whichever comes first, no document of who is erased stays."""
    asked = ask(client, amy)
    erased = []
    running = threading.Thread(target=lambda: erased.append(erase("anna", settings=world.settings)))
    write = requested.as_json

    def slowly(found):
        running.start()
        running.join(0.5)
        assert running.is_alive(), "it waits for the export"
        return write(found)

    def lock(conn, request):
        conn.execute("SELECT 1")  # what the transaction sees is fixed
        erase("anna", settings=world.settings)
        data_requests_lock(conn, request)

    data_requests_lock = data_requests.lock
    if first == "export":
        monkeypatch.setattr(requested, "as_json", slowly)
        assert work(world) == ["done"]
        running.join(30)
        assert erased[0].removed["data_request_files"] == 1
    else:
        monkeypatch.setattr(data_requests, "lock", lock)
        with world.connect() as conn:
            claimed = data_requests.claim(conn, UUID(asked.json()["id"]), "run-1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            carry_out(claimed, settings=world.settings)
        # it is begun anew, and finds nobody
        with world.connect() as conn:
            assert data_requests.give_back(conn, claimed) == "queued"
        assert work(world) == ["refused"]
    assert document(client, amy, asked).status_code == 404
    assert count(world, "data_request_files") == 0
