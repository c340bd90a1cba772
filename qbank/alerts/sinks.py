"""The ways to a person: Slack, mail, and a signed webhook; and to programs, as an event.

What never lives here: which way has which alert already (``delivery``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol

from qbank.alerts.message import Message
from qbank.alerts.redaction import reason
from qbank.alerts.settings import AlertSettings
from qbank.errors import QbankError
from qbank.settings import get_settings

# clients that write addresses into their logs; ours are secrets
_QUIET = logging.getLogger("qbank.alerts.clients")
_QUIET.setLevel(logging.WARNING)


class DeliveryError(QbankError):
    """A way did not take a message; the text holds no secret."""


class Sink(Protocol):
    """A way to a person."""

    @property
    def name(self) -> str:
        """Short name, as in the outbox and in logs."""
        ...

    def send(self, message: Message) -> None:
        """Delivers a message.

        Raises:
            DeliveryError: it was not taken.
        """
        ...


@dataclass(frozen=True)
class Slack:
    """A Slack incoming webhook."""

    url: str
    timeout_s: float
    name: str = "slack"

    def send(self, message: Message) -> None:
        """Posts the message as text."""
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(
            self.url, timeout=max(1, round(self.timeout_s)), logger=_QUIET, retry_handlers=[]
        )
        text = f"*{message.subject}*\n\n{message.text}"
        for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(character, escaped)
        try:
            answer = client.send(text=text)
        except Exception as error:  # its clients raise what urllib and ssl raise
            raise DeliveryError(reason(error)) from None
        if answer.status_code != 200:
            raise DeliveryError(f"Slack answered {answer.status_code}: {answer.body[:100]}")


@dataclass(frozen=True)
class Webhook:
    """Any address that takes JSON, with a signature of its body and time.

    ``X-Qbank-Signature`` is ``sha256=`` and the HMAC-SHA256, in hex, of the timestamp in
    ``X-Qbank-Timestamp``, a dot, and the body. ``Idempotency-Key`` is the same for a repetition.
    """

    url: str
    secret: str
    timeout_s: float
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Posts the message as JSON; only an answer 2xx counts as taken."""
        import httpx

        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses at INFO
        body = json.dumps(message.as_json(), ensure_ascii=False).encode()
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
            "X-Qbank-Timestamp": stamp,
            "X-Qbank-Signature": f"sha256={sign(self.secret, stamp, body)}",
        }
        try:
            answer = httpx.post(self.url, content=body, headers=headers, timeout=self.timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise DeliveryError(reason(error)) from None
        if not answer.is_success:
            raise DeliveryError(f"the webhook answered {answer.status_code}")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a webhook's body, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Mail:
    """Mail by SMTP."""

    settings: AlertSettings
    name: str = "mail"

    def send(self, message: Message) -> None:
        """Sends one mail to all recipients."""
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.settings.alert_mail_from
        mail["To"] = ", ".join(self.settings.mail_recipients)
        mail["Date"] = formatdate(localtime=False)
        mail["Message-ID"] = f"<{message.id}@qbank.alerts>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        try:
            with self._server() as server:
                if self.settings.alert_smtp_user and self.settings.alert_smtp_password:
                    password = self.settings.alert_smtp_password.get_secret_value()
                    server.login(self.settings.alert_smtp_user, password)
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(reason(error)) from None
        if refused:
            # the others have it: sending again would tell them twice
            _QUIET.warning("mail was refused for %s", ", ".join(refused))

    def _server(self) -> smtplib.SMTP:
        at = self.settings.alert_smtp_host, self.settings.alert_smtp_port
        timeout, context = self.settings.alert_timeout_s, ssl.create_default_context()
        if self.settings.alert_smtp_security == "tls":
            return smtplib.SMTP_SSL(*at, timeout=timeout, context=context)
        server = smtplib.SMTP(*at, timeout=timeout)
        try:
            if self.settings.alert_smtp_security == "starttls":
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


@dataclass(frozen=True)
class Events:
    """The outbox of events, for programs that read along; while Postgres is away, alerts wait."""

    timeout_s: float
    name: str = "events"

    def send(self, message: Message) -> None:
        """Writes an event for each alert, all or none."""
        import psycopg
        from psycopg.types.json import Jsonb

        from qbank.events import event_id
        from qbank.events.models import EVERYBODY, AlarmRaised
        from qbank.postgres import connect

        tell = """INSERT INTO event_outbox
                (id, tenant_id, aggregatetype, aggregateid, type, payload)
            VALUES (%s, %s, %s, %s, 'alarm_raised', %s)"""
        place = (EVERYBODY, AlarmRaised.aggregate, EVERYBODY)
        try:
            with connect("orchestration", timeout_s=self.timeout_s) as connection:
                for alert in message.alerts:
                    said = AlarmRaised(key=alert.key, title=alert.title, link=alert.link or None)
                    told = Jsonb(said.model_dump(mode="json"))
                    connection.execute(tell, (event_id("alarm_raised", alert.key), *place, told))
        except (QbankError, psycopg.Error) as error:
            raise DeliveryError(reason(error)) from None


def configured_sinks(settings: AlertSettings) -> tuple[Sink, ...]:
    """The ways that the settings name; events are one where they are on."""
    sinks: list[Sink] = [Events(settings.alert_timeout_s)] if get_settings().events else []
    if settings.alert_slack_url:
        sinks.append(Slack(settings.alert_slack_url.get_secret_value(), settings.alert_timeout_s))
    if settings.alert_mail_to:
        sinks.append(Mail(settings))
    if settings.alert_webhook_url and settings.alert_webhook_secret:
        sinks.append(
            Webhook(
                settings.alert_webhook_url.get_secret_value(),
                settings.alert_webhook_secret.get_secret_value(),
                settings.alert_timeout_s,
            )
        )
    return tuple(sinks)
