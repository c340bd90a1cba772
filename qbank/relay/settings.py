"""Settings of the relay. What never lives here: anything that connects."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from qbank.errors import SettingsError
from qbank.settings import SettingsGroup
from qbank.web_addresses import web_address

SECRET_PREFIX = "whsec_"  # noqa: S105  (what Standard Webhooks' secrets begin with)


class RelaySettings(SettingsGroup):
    """Who is told what happened, ``QBANK_RELAY_…`` each; nobody is where nothing is set.

    Attributes:
        relay_kafka_servers: brokers, ``host:port`` each, separated by commas.
        relay_kafka_topic_prefix: topics are this and ``quiz``, ``item`` or ``exam``.
        relay_kafka_file: JSON with further options of librdkafka, such as those of TLS and SASL.
        relay_webhook_url: an address that takes one event by POST.
        relay_webhook_secret: key of the signature that goes with it, ``whsec_`` and base64 of 24 to
            64 bytes; needed with the address.
        relay_webhook_timeout_s: seconds that the receiver may be silent.
        relay_webhook_attempts: answers of 500 after which an event is set aside.
        relay_batch: events that are read and sent at once.
        relay_poll_s: seconds after which whoever waits looks by itself.
        relay_metrics_host, relay_metrics_port: where ``qbank relay`` tells Prometheus how far each
            sink is (``/metrics``); nowhere without a port.
    """

    relay_kafka_servers: str = ""
    relay_kafka_topic_prefix: str = "qbank."
    relay_kafka_file: Path | None = None
    relay_webhook_url: SecretStr | None = None
    relay_webhook_secret: SecretStr | None = None
    relay_webhook_timeout_s: float = Field(default=10.0, gt=0, le=30)
    relay_webhook_attempts: int = Field(default=8, ge=1, le=1000)
    relay_batch: int = Field(default=500, ge=1, le=10_000)
    relay_poll_s: float = Field(default=1.0, ge=0.05, le=10)
    relay_metrics_host: str = "127.0.0.1"
    relay_metrics_port: int | None = Field(default=None, ge=1, le=65535)

    @field_validator("relay_kafka_servers")
    @classmethod
    def _brokers(cls, value: str) -> str:
        brokers = list(filter(None, (part.strip() for part in value.split(","))))
        for broker in brokers:
            place = re.fullmatch(r"(?:\[[0-9a-fA-F:]+\]|[^\s:/@]+):(\d{1,5})", broker)
            # librdkafka takes a larger port modulo 65536
            if not place or not 1 <= int(place[1]) <= 65535:
                raise ValueError(f"{broker!r} is no broker: write host:9092")
        return ",".join(brokers)

    @field_validator("relay_kafka_topic_prefix")
    @classmethod
    def _topic(cls, value: str) -> str:
        if not re.fullmatch(r"[a-zA-Z0-9._-]{0,200}", value):
            raise ValueError("use letters, digits, '.', '_' and '-', at most 200")
        return value

    @field_validator("relay_webhook_url")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            web_address(value.get_secret_value())
        return value

    @field_validator("relay_webhook_secret")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            try:
                key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
            except binascii.Error:
                key = b""
            if not text.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
                raise ValueError(
                    "write whsec_ and base64 of 24 to 64 random bytes, as in"
                    " echo whsec_$(openssl rand -base64 32)"
                )
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.relay_webhook_url and not self.relay_webhook_secret:
            raise ValueError(
                "QBANK_RELAY_WEBHOOK_URL needs QBANK_RELAY_WEBHOOK_SECRET, the signature's key"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sinks that are set up."""
        found = {"kafka": self.relay_kafka_servers, "webhook": self.relay_webhook_url}
        return tuple(name for name, value in found.items() if value)

    def named(self) -> tuple[str, ...]:
        """The same, at least one.

        Raises:
            SettingsError: there is none.
        """
        if not self.names:
            raise SettingsError(
                "nobody reads along: set QBANK_RELAY_KAFKA_SERVERS or QBANK_RELAY_WEBHOOK_URL"
            )
        return self.names
