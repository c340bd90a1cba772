"""What fails reaches people: through a real daemon, and with the platform's database away."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import sql

from qbank import postgres
from qbank.project_files import project_file
from qbank.settings import get_settings
from qbank_orchestration.alerting.ticks import Clock, alerts_of_ticks, due_times
from qbank_orchestration.instance import instance
from qbank_orchestration.schedules import nightly_schedule
from tests.e2e.processes import tool
from tests.orchestration.conftest import ALGEBRA, Exams, copied
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.requests import PATIENCE, ended, request
from tests.qbank.alerts.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def told(template: tuple[str, Exams]) -> Iterator[tuple[WebReceiver, MailReceiver]]:
    """A daemon, and the receivers of its alerts; the webhook is away at first."""
    patch = pytest.MonkeyPatch()
    with copied(template), web_receiver() as web, mail_receiver() as mail, patch.context() as env:
        web.answer = 503
        for name, value in {
            "ALERT_WEBHOOK_URL": f"{web.url}/hook",
            "ALERT_WEBHOOK_SECRET": "a-long-enough-key",
            "ALERT_MAIL_TO": "night@example.org",
            "ALERT_MAIL_FROM": "qbank@example.org",
            "ALERT_SMTP_HOST": "127.0.0.1",
            "ALERT_SMTP_PORT": str(mail.port),
            "ALERT_SMTP_SECURITY": "none",
            "ALERT_DAGIT_URL": "https://dagit.example.org",
            "DATABASE_TIMEOUT_S": "2",
        }.items():
            env.setenv(f"QBANK_{name}", value)
        with daemon():
            yield web, mail


def _letter_with(mail: MailReceiver, text: str) -> str:
    def look() -> str | None:
        return next((t for m in mail.came if text in (t := m.get_content())), None)

    return wait_for(look, PATIENCE, f"a mail with {text!r}")


def test_a_failed_run_reaches_every_way_once_and_the_one_that_was_away_later(
    told: tuple[WebReceiver, MailReceiver],
) -> None:
    web, mail = told
    run = ended(request(taus=0.3))
    assert run.status == "failed"
    letter = _letter_with(mail, f"calibrate_exam of {ALGEBRA} failed")
    with instance() as opened:
        (failed,) = opened.get_runs(dg.RunsFilter(tags={"qbank/row": str(run.id)}))
    assert f"partition: {ALGEBRA}" in letter
    assert "'taus' is unknown" in letter
    assert "stays in force: the parameters and the exposure control" in letter
    assert f"https://dagit.example.org/runs/{failed.run_id}" in letter
    refused = len(web.came)
    web.answer = 200
    wait_for(lambda: True if len(web.came) > refused else None, PATIENCE, "the webhook's turn")
    told_now = json.loads(web.came[-1].body)["alerts"]
    assert [alert["key"] for alert in told_now] == [f"run:{failed.run_id}"]
    _some_ticks()
    assert len(mail.came) == 1
    assert len(web.came) == refused + 1


def test_marts_that_fail_since_the_database_is_away_reach_a_person(
    told: tuple[WebReceiver, MailReceiver],
) -> None:
    _web, mail = told
    settings = get_settings()
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = sql.Identifier(settings.database)
    with postgres.connect("owner", database="postgres", autocommit=True) as server:
        server.execute(allow.format(name, sql.Literal(False)))
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [settings.database],
            )
            _launch("rebuild_marts")
            letter = _letter_with(mail, "rebuild_marts failed")
        finally:
            server.execute(allow.format(name, sql.Literal(True)))
    assert "stays in force: the marts as they were last built" in letter
    assert "not currently accepting connections" in letter
    password = postgres.libpq_environment("orchestration")["PGPASSWORD"]
    assert all(password not in m.get_content() for m in mail.came)


def test_a_night_that_the_daemon_slept_through_is_told(
    told: tuple[WebReceiver, MailReceiver],
) -> None:
    with instance() as opened:
        schedules = {nightly_schedule.name: nightly_schedule}
        now = datetime.now(UTC).replace(hour=12) + timedelta(days=1)
        clock = Clock(began=time.time(), now=now.timestamp(), late_s=900.0)
        alerts = {
            alert.key: alert
            for alert in alerts_of_ticks(opened, "qbank", schedules, "http://d", clock)
            if alert.title.startswith("nightly_schedule")
        }
        night = now.replace(hour=3, minute=0, second=0, microsecond=0)
        missed = alerts[f"late:nightly_schedule:{night.timestamp():.0f}"]
        assert missed.title == "nightly_schedule was missed"
        assert dict(missed.facts)["due"] == f"{night:%Y-%m-%d} 03:00 UTC"
        # a foreign location's schedules are its own people's
        assert not list(alerts_of_ticks(opened, "other", schedules, "http://d", clock))


def test_due_times_are_those_of_the_cron() -> None:
    def at(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    found = due_times(nightly_schedule, at("2026-01-01T03:00"), at("2026-01-03T03:00"))
    assert found == [at("2026-01-02T03:00"), at("2026-01-03T03:00")]
    assert due_times(nightly_schedule, at("2026-01-01T03:01"), at("2026-01-01T23:00")) == []


def _launch(job: str) -> None:
    workspace = project_file("workspace.yaml")
    command: list[Any] = [tool("qbank"), "dagster", "job", "launch", "-w", workspace, "-j", job]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _some_ticks() -> None:
    """Waits for two whole looks of the alert sensor."""

    def looks() -> int:
        with instance() as opened:
            (state,) = [
                s for s in opened.all_instigator_state() if s.instigator_name == "alert_sensor"
            ]
            return len(opened.get_ticks(state.instigator_origin_id, state.selector_id))

    before = looks()
    wait_for(lambda: True if looks() > before + 2 else None, 120, "two looks")
