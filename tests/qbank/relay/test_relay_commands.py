"""`qbank relay` by hand: what stands still, what was set aside, and sending it again."""

from __future__ import annotations

import json

import pytest

from qbank.postgres import connect
from qbank.relay import Relay, RelaySettings, configured_sinks
from tests.qbank.relay.events import write
from tests.qbank.relay.test_webhooks import SECRET, receiving


@pytest.fixture
def receiver(settings, monkeypatch):
    with receiving() as found:
        monkeypatch.setenv("QBANK_RELAY_WEBHOOK_URL", found.url)
        monkeypatch.setenv("QBANK_RELAY_WEBHOOK_SECRET", SECRET)
        yield found


def test_what_was_set_aside_is_listed_and_sent_again(receiver, command):
    assert command("relay", "status").out == "nothing was relayed yet: qbank relay\n"
    receiver.answers = {1: 422}
    with connect("owner") as conn:
        write(conn, "quiz", 0, 1, 2)
    (sink,) = configured_sinks(RelaySettings.load())
    Relay(sink, lambda: connect("orchestration", autocommit=True)).run_once()
    sink.close()
    status = command("relay", "status", "--json")
    assert status.code == 1
    (found,) = json.loads(status.out)
    assert (found["behind"], found["dead_letters"], found["delivered"]) == (0, 1, 2)
    (letter,) = json.loads(command("relay", "dead-letters", "--json").out)
    assert letter["reason"] == "the webhook answered 422"
    assert SECRET not in status.out

    again = command("relay", "replay", letter["event_id"])
    assert again.code == 1
    assert f"{letter['event_id']} refused: the webhook answered 422" in again.out
    receiver.answers = {}
    assert command("relay", "replay").out == "webhook  1 taken\n"
    assert receiver.steps[-1] == ("quiz", 1)
    assert command("relay", "dead-letters").out == "no event was set aside\n"
    assert command("relay", "status").code == 0


def test_what_was_erased_with_its_person_stands_in_nobodys_way(receiver, command):
    receiver.answers = {0: 422}
    with connect("owner") as conn:
        write(conn, "quiz", 0)
    (sink,) = configured_sinks(RelaySettings.load())
    Relay(sink, lambda: connect("orchestration", autocommit=True)).run_once()
    sink.close()
    assert command("relay", "status").code == 1
    with connect("owner") as conn:
        conn.execute("DELETE FROM event_outbox")
    assert command("relay", "status").code == 0
    (letter,) = json.loads(command("relay", "dead-letters", "--json").out)
    assert letter["kept"] is False


def test_a_relay_that_does_not_run_stands_in_the_way(settings, command):
    """It says nothing by itself, and who never started one is not told so either."""
    with connect("owner") as conn:
        write(conn, "quiz", 0, 1)
        conn.execute("UPDATE event_outbox SET occurred_at = now() - interval '20 minutes'")
    status = command("relay", "status")
    assert status.code == 1
    assert "20 minutes and nobody reads along: run qbank relay" in status.err
    with connect("owner") as conn:
        conn.execute("INSERT INTO event_relays (sink) VALUES ('kafka')")
    status = command("relay", "status")
    assert status.code == 1
    assert "kafka is 2 events and 20 minutes behind: is qbank relay running?" in status.err


def test_a_sink_that_is_gone_is_waited_for_until_it_is_forgotten(receiver, command, monkeypatch):
    receiver.answers = {0: 422}
    with connect("owner") as conn:
        write(conn, "quiz", 0)
    (sink,) = configured_sinks(RelaySettings.load())
    Relay(sink, lambda: connect("orchestration", autocommit=True)).run_once()
    sink.close()
    assert "webhook is set up" in command("relay", "forget", "webhook").err
    monkeypatch.delenv("QBANK_RELAY_WEBHOOK_URL")
    assert command("relay", "forget", "webhook").out == "webhook is forgotten\n"
    assert command("relay", "status").out == "nothing was relayed yet: qbank relay\n"
    assert "nothing is known of a sink 'webhook'" in command("relay", "forget", "webhook").err


def test_what_cannot_be_done_is_said(receiver, command, monkeypatch):
    assert "'x' is no event's id" in command("relay", "replay", "x").err
    assert (
        "sink 'kafka' is not set up: use webhook"
        in command("relay", "replay", "--sink", "kafka").err
    )
    monkeypatch.delenv("QBANK_RELAY_WEBHOOK_URL")
    refused = command("relay")
    assert refused.code == 2
    assert "nobody reads along" in refused.err
