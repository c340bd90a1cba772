"""The alert sensor, look by look: what is told, what waits, and to whom nothing is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qbank_orchestration.definitions import defs
from qbank_orchestration.sensors.alerts import alert_sensor
from qbank_orchestration.tags import KIND
from tests.qbank.alerts.receivers import WebReceiver, web_receiver


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    """A receiver that the settings name."""
    with web_receiver() as receiver:
        monkeypatch.setenv("QBANK_ALERT_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("QBANK_ALERT_WEBHOOK_SECRET", "a-long-enough-key")
        yield receiver


@dg.asset
def broken() -> None:
    """Fails."""
    raise ValueError("no marts")


def _fail(instance: dg.DagsterInstance) -> str:
    ended = dg.materialize([broken], instance=instance, raise_on_error=False, tags={KIND: "marts"})
    return f"run:{ended.run_id}"


def _look(instance: dg.DagsterInstance) -> str:
    context = dg.build_sensor_context(instance, repository_def=defs.get_repository_def())
    said = alert_sensor(context)
    assert isinstance(said, dg.SkipReason)
    return str(said.skip_message)


def _told(web: WebReceiver) -> list[list[str]]:
    return [[alert["key"] for alert in json.loads(p.body)["alerts"]] for p in web.came]


def test_what_fails_between_two_looks_is_one_message_and_is_told_once(instance, web):
    first, second = _fail(instance), _fail(instance)
    assert _look(instance) == "webhook: 2 told"
    assert _look(instance) == "nothing failed"
    third = _fail(instance)
    assert _look(instance) == "webhook: 1 told"
    assert _told(web) == [[first, second], [third]]


def test_what_is_not_taken_waits_and_is_named_in_dagit(instance, web):
    web.answer = 503
    first = _fail(instance)
    assert _look(instance) == "webhook: the webhook answered 503"
    second = _fail(instance)
    _look(instance)
    web.answer = 200
    web.came.clear()
    assert _look(instance) == "webhook: 2 told"
    assert _told(web) == [[first, second]]


def test_whoever_is_set_up_later_hears_of_what_fails_then(instance, web, monkeypatch):
    with monkeypatch.context() as unset:
        unset.delenv("QBANK_ALERT_WEBHOOK_URL")
        _fail(instance)
        assert _look(instance).startswith("nobody is told: set QBANK_ALERT_")
    assert _look(instance) == "nothing failed"
    later = _fail(instance)
    _look(instance)
    assert _told(web) == [[later]]
