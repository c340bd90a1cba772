"""Alerts reach real receivers: once, again where one was away, and without secrets."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import pytest

from qbank.alerts import Alert, AlertSettings, Message, Outbox, configured_sinks, deliver
from qbank.alerts.message import SHOWN
from qbank.alerts.outbox import KEPT_S
from qbank.alerts.redaction import reason, redact
from qbank.alerts.sinks import Webhook, sign
from qbank.errors import SettingsError
from qbank.settings import get_settings
from tests.qbank.alerts.conftest import SLACK_PATH, WEBHOOK_SECRET

WAYS = ["slack", "mail", "webhook"]


def _alert(number: int = 1, **facts: str) -> Alert:
    return Alert(
        f"run:{number}", f"nightly of E{number} failed", tuple(facts.items()), "http://d/r"
    )


def _outbox(*alerts: Alert) -> Outbox:
    outbox = Outbox(began=0.0, until=0.0)
    outbox.take(alerts, WAYS, now=0.0)
    return outbox


def _deliver(outbox: Outbox, settings: AlertSettings) -> dict[str, str]:
    outcomes = deliver(outbox, configured_sinks(settings), sleep=lambda _s: None)
    return {outcome.sink: outcome.error for outcome in outcomes}


def test_every_way_takes_an_alert_once(all_ways, web, mail):
    outbox = _outbox(_alert(error="no connection <b>&"))
    assert _deliver(outbox, all_ways) == dict.fromkeys(WAYS, "")
    assert _deliver(outbox, all_ways) == {}
    slack, hook = web.came
    assert slack.path == SLACK_PATH
    text = json.loads(slack.body)["text"]
    assert "nightly of E1 failed" in text
    assert "no connection &lt;b&gt;&amp;" in text
    told = json.loads(hook.body)
    assert told["alerts"][0]["facts"] == {"error": "no connection <b>&"}
    stamp = hook.headers["X-Qbank-Timestamp"]
    signature = f"sha256={sign(WEBHOOK_SECRET, stamp, hook.body)}"
    assert hook.headers["X-Qbank-Signature"] == signature
    assert hook.headers["Idempotency-Key"] == told["id"]
    (letter,) = mail.came
    assert letter["Subject"] == "qbank: nightly of E1 failed"
    assert letter["To"] == "night@example.org, head@example.org"
    assert "http://d/r" in letter.get_content()


def test_a_way_that_is_away_gets_it_later_and_the_others_not_twice(all_ways, web, mail):
    web.answer, mail.refusing = 503, True
    outbox = _outbox(_alert())
    errors = _deliver(outbox, all_ways)
    assert errors["slack"] == "Slack answered 503: ok"
    assert errors["webhook"] == "the webhook answered 503"
    assert "451" in errors["mail"]
    # through a restart, and with news in between
    outbox = Outbox.load(outbox.dump())
    outbox.take([_alert(1), _alert(2)], WAYS, now=1.0)
    web.answer = 200
    assert set(_deliver(outbox, all_ways).values()) != {""}
    mail.refusing = False
    web.came.clear()
    assert _deliver(outbox, all_ways) == {"mail": ""}
    assert web.came == []
    (letter,) = mail.came
    assert letter["Subject"] == "qbank: nightly of E1 failed (and 1 more)"
    assert "nightly of E2 failed" in letter.get_content()


def test_what_one_way_took_is_kept_before_the_next_is_tried(all_ways, web):
    kept: list[str] = []
    web.answer = 500
    deliver(
        _outbox(_alert()),
        configured_sinks(all_ways),
        lambda changed: kept.append(changed.dump()),
        sleep=lambda _s: None,
    )
    (document,) = kept  # mail alone took it
    assert Outbox.load(document).due("mail") == []
    assert len(Outbox.load(document).due("slack")) == 1


def test_a_way_that_breaks_keeps_no_other_from_being_asked(web):
    class Broken:
        name = "slack"

        def send(self, message: Message) -> None:
            raise LookupError(f"password=hush in {message.id}")

    sinks = [Broken(), Webhook(web.url, "key", 5.0)]
    broken, well = deliver(_outbox(_alert()), sinks, sleep=lambda _s: None)
    assert broken.error.startswith("LookupError: password=*** in ")
    assert (well.sink, well.sent, well.error) == ("webhook", 1, "")
    assert len(web.came) == 1


def test_an_outbox_forgets_the_old_and_says_what_was_never_told():
    outbox = _outbox(_alert())
    assert outbox.drop(WAYS, now=KEPT_S) == []
    (lost,) = outbox.drop(WAYS, now=KEPT_S + 1)
    assert lost.key == "run:1"
    assert outbox.known == {}
    # a way that is set up no more is waited for no longer
    outbox = _outbox(_alert())
    assert outbox.drop(["pager"], now=1.0) == []
    assert outbox.waiting == {}


def test_many_alerts_are_one_message():
    message = Message.of([_alert(n) for n in range(SHOWN + 5)])
    assert message.text.count("failed") == SHOWN
    assert message.text.endswith("… and 5 more: see Dagit")
    assert len(message.as_json()["alerts"]) == SHOWN + 5
    assert message.id == Message.of([_alert(n) for n in range(SHOWN + 5)]).id


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("at postgresql://u:p%40ss:w@h/db now", "at postgresql://u:***@h/db now"),
        ("at postgresql+psycopg2://u:a/b@c@h/db", "at postgresql+psycopg2://u:***@h/db"),
        ("host=h password=s3cret user=u", "host=h password=*** user=u"),
        ("{'api_key': 'k e y', 'a': 1}", "{'api_key': ***, 'a': 1}"),
        ("the word hunter22 alone", "the word *** alone"),
        ("escaped hunter%3A%2F22 too", "escaped *** too"),
        ("nothing to hide: 3:4@5", "nothing to hide: 3:4@5"),
    ],
)
def test_secrets_are_taken_out(monkeypatch, text, clean):
    monkeypatch.setenv("QBANK_DELIVERY_PASSWORD", "hunter22")
    monkeypatch.setenv("QBANK_DATABASE_URL", "postgresql://u:hunter%3A%2F22@h/d")
    assert redact(text) == clean


def test_a_reason_that_is_cut_shows_no_part_of_a_secret(monkeypatch):
    monkeypatch.setenv("QBANK_DELIVERY_PASSWORD", "hunter22")
    for length in range(270, 310):
        said = reason(ValueError(f"{'x' * length} hunter22"))
        assert len(said) <= 300
        assert "hunt" not in said


def test_errors_and_logs_of_the_ways_hold_no_secret(all_ways, web, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    outbox = _outbox(_alert(error="password=hunter22"))
    _deliver(outbox, all_ways)
    web.answer = 404
    errors = _deliver(_outbox(_alert(2)), all_ways)
    monkeypatch.setenv("QBANK_ALERT_SLACK_URL", "http://127.0.0.1:1/services/hush-hush")
    monkeypatch.setenv("QBANK_ALERT_WEBHOOK_URL", "http://127.0.0.1:1/?token=hush-token")
    away = _deliver(_outbox(_alert(3)), AlertSettings.load())
    said = "".join([*errors.values(), *away.values(), caplog.text, outbox.dump()])
    assert "Connection refused" in said
    assert "hush" not in said
    assert "hunter22" not in said
    assert all(b"hunter22" not in posted.body for posted in web.came)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MAIL_TO": "a@b"}, "QBANK_ALERT_MAIL_TO needs QBANK_ALERT_SMTP_HOST"),
        ({"MAIL_TO": "a@b", "SMTP_HOST": "h"}, "needs QBANK_ALERT_MAIL_FROM"),
        ({"MAIL_TO": "nobody"}, "QBANK_ALERT_MAIL_TO is 'nobody'.*write name@example.org"),
        ({"WEBHOOK_URL": "http://h/hush"}, "needs QBANK_ALERT_WEBHOOK_SECRET"),
        ({"SLACK_URL": "hush"}, "QBANK_ALERT_SLACK_URL: write http"),
    ],
)
def test_settings_name_the_variable_and_the_remedy(monkeypatch, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(f"QBANK_ALERT_{name}", value)
    with pytest.raises(SettingsError, match=said) as refusal:
        AlertSettings.load()
    assert "hush" not in str(refusal.value)


def _qbank(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from qbank.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_which_way_took_a_test(all_ways, web, mail):
    done = _qbank("alerts", "test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["slack", "taken", "mail", "taken", "webhook", "taken"]
    assert "a test alert: nothing failed" in mail.came[0].get_content()
    mail.refusing = True
    failed = _qbank("alerts", "test")
    assert failed.returncode == 1
    assert "451" in failed.stdout


def test_the_command_says_when_nothing_is_set_up():
    done = _qbank("alerts", "test")
    assert done.returncode == 2
    assert "no way is set up: set QBANK_ALERT_SLACK_URL" in done.stderr


def test_the_page_names_every_setting():
    page = (get_settings().project_dir / "docs" / "operations" / "alerts.md").read_text()
    named = set(re.findall(r"`QBANK_(ALERT_[A-Z_]+)`", page))
    assert named == {name.upper() for name in AlertSettings.model_fields}
