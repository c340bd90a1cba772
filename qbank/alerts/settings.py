"""Settings of alerts. What never lives here: anything that connects."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from qbank.settings import SettingsGroup
from qbank.web_addresses import web_address


class AlertSettings(SettingsGroup):
    """Who hears of what failed, ``QBANK_ALERT_…`` each; nobody does where nothing is set.

    Attributes:
        alert_slack_url: a Slack incoming webhook.
        alert_webhook_url: an address that takes a JSON document by POST.
        alert_webhook_secret: key of the signature that goes with it; needed with the address.
        alert_mail_to: addresses, separated by commas.
        alert_mail_from: the sender's address; needed with `alert_mail_to`.
        alert_smtp_host, alert_smtp_port: the mail server; needed with `alert_mail_to`.
        alert_smtp_security: ``starttls`` (port 587), ``tls`` (port 465) or ``none``.
        alert_smtp_user, alert_smtp_password: for a server that asks for them.
        alert_dagit_url: where people open Dagit; links in alerts begin with it.
        alert_late_minutes: minutes after its time at which a schedule that has not begun is late.
        alert_timeout_s: seconds that one attempt at one way may take.
    """

    alert_slack_url: SecretStr | None = None
    alert_webhook_url: SecretStr | None = None
    alert_webhook_secret: SecretStr | None = None
    alert_mail_to: str = ""
    alert_mail_from: str = ""
    alert_smtp_host: str = ""
    alert_smtp_port: int = Field(default=587, ge=1, le=65535)
    alert_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    alert_smtp_user: str = ""
    alert_smtp_password: SecretStr | None = None
    alert_dagit_url: str = "http://127.0.0.1:3000"
    alert_late_minutes: float = Field(default=15.0, gt=0)
    alert_timeout_s: float = Field(default=5.0, gt=0, le=8)

    @field_validator("alert_slack_url", "alert_webhook_url")
    @classmethod
    def _secret_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            web_address(value.get_secret_value())
        return value

    @field_validator("alert_dagit_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value).rstrip("/")

    @field_validator("alert_mail_to", "alert_mail_from")
    @classmethod
    def _mail_addresses(cls, value: str) -> str:
        for address in filter(None, (part.strip() for part in value.split(","))):
            if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
                raise ValueError(f"{address!r} is no address: write name@example.org")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.alert_mail_to and not self.alert_smtp_host:
            raise ValueError("QBANK_ALERT_MAIL_TO needs QBANK_ALERT_SMTP_HOST, the mail server")
        if self.alert_mail_to and not self.alert_mail_from:
            raise ValueError("QBANK_ALERT_MAIL_TO needs QBANK_ALERT_MAIL_FROM, the sender")
        if self.alert_webhook_url and not self.alert_webhook_secret:
            raise ValueError(
                "QBANK_ALERT_WEBHOOK_URL needs QBANK_ALERT_WEBHOOK_SECRET, the signature's key"
            )
        return self

    @property
    def mail_recipients(self) -> tuple[str, ...]:
        """The addresses of `alert_mail_to`."""
        return tuple(filter(None, (part.strip() for part in self.alert_mail_to.split(","))))
