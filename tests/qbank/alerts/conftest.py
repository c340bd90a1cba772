"""Two receivers, and settings that name them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qbank.alerts import AlertSettings
from tests.qbank.alerts.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

WEBHOOK_SECRET = "a-long-enough-key"
SLACK_PATH = "/services/T0/B0/hush-hush"


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    """A web server that keeps what it is sent."""
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    """A mail server that keeps what it is sent."""
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def all_ways(
    web: WebReceiver, mail: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> AlertSettings:
    """Settings of all three ways, in the environment too."""
    for name, value in {
        "SLACK_URL": web.url + SLACK_PATH,
        "WEBHOOK_URL": f"{web.url}/hook?token=hush-token",
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "MAIL_TO": "night@example.org, head@example.org",
        "MAIL_FROM": "qbank@example.org",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail.port),
        "SMTP_SECURITY": "none",
        "DAGIT_URL": "https://dagit.example.org/",
    }.items():
        monkeypatch.setenv(f"QBANK_ALERT_{name}", value)
    return AlertSettings.load()
