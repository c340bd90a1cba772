"""ClickHouse: its schema, and inserts.

What never lives here: where events come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from qbank.alerts.redaction import reason
from qbank.errors import QbankError, SettingsError
from qbank.events.models import SOURCE
from qbank.sinking.settings import ClickHouseSettings

SCHEMA = Path(__file__).parent / "schema"
_DONE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name"""


class UnreachableError(QbankError):
    """ClickHouse is away or will not take something; trying again may help."""


@dataclass(frozen=True)
class Message:
    """What came from Kafka.

    Attributes:
        topic, partition, offset: where it was.
        value: its bytes.
    """

    topic: str
    partition: int
    offset: int
    value: bytes


class ClickHouse:
    """One database of a server, or of this process (``chdb://``)."""

    def __init__(self, url: str, password: str | None = None) -> None:
        """Prepares; `migrate` connects.

        Args:
            url: with user and database.
            password: where the address has none.
        """
        self._url = url
        self._password: dict[str, Any] = {} if password is None else {"password": password}
        self._client: Any = None

    @classmethod
    def configured(cls, settings: ClickHouseSettings) -> ClickHouse | None:
        """The one that the settings name, None where they name none."""
        url, password = settings.clickhouse_url, settings.clickhouse_password
        if url is None:
            return None
        return cls(url.get_secret_value(), password.get_secret_value() if password else None)

    def migrate(self) -> list[str]:
        """Applies what is not applied yet; returns its names.

        Each file says ``IF NOT EXISTS``: killed half-way, or done by two at once, it is done again.

        Raises:
            UnreachableError: the server is away or refuses.
        """
        self._command(_DONE)
        known = {row[0] for row in self.rows("SELECT name FROM schema_migrations")}
        new = [file for file in sorted(SCHEMA.glob("*.sql")) if file.stem not in known]
        for file in new:
            for statement in file.read_text().split(";\n"):
                if statement.strip():
                    self._command(statement)
            self._insert("schema_migrations", [(file.stem,)], ("name",))
        return [file.stem for file in new]

    def take(self, messages: Sequence[Message]) -> tuple[int, int]:
        """Inserts events, and sets aside what is none; returns how many of each.

        Raises:
            UnreachableError: nothing, or only some, was inserted; all may be inserted again.
        """
        events, rejects = [], []
        for message in messages:
            try:
                events.append(_row(message.value))
            except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
                text = message.value.decode(errors="replace")
                at = (message.topic, message.partition, message.offset)
                rejects.append((*at, f"{type(error).__name__}: {error}", text))
        if events:
            self._insert("events", events, _COLUMNS)
        if rejects:
            self._insert("event_rejects", rejects, _REJECTED)
        return len(events), len(rejects)

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """The answer to a query, with values for its ``{name:Type}``.

        Raises:
            UnreachableError: the server is away or refuses.
        """
        return list(
            self._tried(lambda client: client.query(sql, parameters=dict(values or {})).result_rows)
        )

    def close(self) -> None:
        """Lets go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _command(self, sql: str) -> None:
        self._tried(lambda client: client.command(sql))

    def _insert(self, name: str, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
        self._tried(lambda client: client.insert(name, rows, column_names=columns))

    def _tried(self, work: Any) -> Any:
        try:
            import clickhouse_connect
            from clickhouse_connect.driver.exceptions import ClickHouseError
        except ModuleNotFoundError as error:
            raise SettingsError("QBANK_CLICKHOUSE_URL needs pip install 'qbank[events]'") from error
        try:
            if self._client is None:
                self._client = clickhouse_connect.get_client(dsn=self._url, **self._password)
            return work(self._client)
        except (ClickHouseError, OSError) as error:
            self.close()
            raise UnreachableError(reason(error)) from None


_COLUMNS = (
    "event_id", "tenant_id", "type", "aggregatetype", "aggregateid", "occurred_at", "data"
)  # fmt: skip
_REJECTED = ("topic", "partition_number", "message_offset", "reason", "value")


_TEXTS = ("id", "source", "type", "subject", "time")
_YEARS = range(1900, 2299)  # that ClickHouse's moments can be of


def _row(value: bytes) -> tuple[Any, ...]:
    """A row of `events`; whatever a message holds, an insert of what is answered cannot fail."""
    document = json.loads(value, parse_constant=_refuse)
    said = {name: document[name] for name in _TEXTS}
    data = document["data"]
    if not (all(isinstance(text, str) for text in said.values()) and isinstance(data, dict)):
        raise TypeError(f"{', '.join(_TEXTS)} are texts, and data is an object")
    kind, _, key = said["subject"].partition("/")
    moment = datetime.fromisoformat(said["time"])
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise ValueError(f"the time {said['time']!r} has no offset, or is out of range")
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    "".join((*said.values(), text)).encode()  # half a character is JSON, and no UTF-8
    return (
        UUID(said["id"]),
        said["source"].removeprefix(SOURCE),
        said["type"],
        kind,
        key,
        moment.astimezone(UTC),
        text,
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
