"""Settings of the sink. What never lives here: anything that connects."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr, field_validator

from qbank.settings import SettingsGroup


class ClickHouseSettings(SettingsGroup):
    """Where events are kept for analysis, ``QBANK_CLICKHOUSE_…`` each.

    Attributes:
        clickhouse_url: ``http(s)://user:password@host:8443/database``, or ``chdb:///folder`` for
            an engine inside the process.
        clickhouse_password: the password, where it is not in the address.
        clickhouse_group: the consumer group whose offsets say how far the sink is.
        clickhouse_batch: events that are inserted at once, at most.
        clickhouse_wait_s: seconds that an event waits for others at most.
    """

    clickhouse_url: SecretStr | None = None
    clickhouse_password: SecretStr | None = None
    clickhouse_group: str = "qbank-clickhouse"
    clickhouse_batch: int = Field(default=10_000, ge=1, le=1_000_000)
    clickhouse_wait_s: float = Field(default=1.0, ge=0.05, le=60)

    @field_validator("clickhouse_url")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(
            r"(https?://[^/\s]+/\w+$|chdb://)", value.get_secret_value()
        ):
            raise ValueError("write https://user:password@host:8443/database")
        return value
