"""What is told: an alert from facts, and several of them as one message.

What never lives here: how a message gets anywhere (``sinks``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qbank.alerts.redaction import one_line, redact

SHOWN = 20  # more alerts than this are counted, not told


@dataclass(frozen=True)
class Alert:
    """Something that a person should know.

    Attributes:
        key: what makes it the same alert, such as ``run:<id>``; it goes out once.
        title: what failed, in one line.
        facts: name and value of what there is to say, in order.
        link: where to look, or an empty string.
    """

    key: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""


@dataclass(frozen=True)
class Message:
    """What one way carries at one time: one alert or several, free of secrets.

    Attributes:
        alerts: what it tells.
    """

    alerts: tuple[Alert, ...]

    @classmethod
    def of(cls, alerts: Sequence[Alert]) -> Message:
        """Takes secrets out of every text; the first line of a text is kept."""
        return cls(
            tuple(
                Alert(
                    alert.key,
                    one_line(redact(alert.title)),
                    tuple((name, one_line(redact(value))) for name, value in alert.facts),
                    redact(alert.link),
                )
                for alert in alerts
            )
        )

    @property
    def id(self) -> str:
        """The same for the same alerts, so that a receiver can tell a repetition."""
        return hashlib.sha256("\n".join(a.key for a in self.alerts).encode()).hexdigest()[:32]

    @property
    def subject(self) -> str:
        """One line."""
        first = self.alerts[0].title
        others = len(self.alerts) - 1
        return f"qbank: {first}" + (f" (and {others} more)" if others else "")

    @property
    def text(self) -> str:
        """Plain text, a paragraph for each alert."""
        paragraphs = [
            "\n".join(
                [
                    alert.title,
                    *(f"  {name}: {value}" for name, value in alert.facts),
                    *([f"  {alert.link}"] if alert.link else []),
                ]
            )
            for alert in self.alerts[:SHOWN]
        ]
        if len(self.alerts) > SHOWN:
            paragraphs.append(f"… and {len(self.alerts) - SHOWN} more: see Dagit")
        return "\n\n".join(paragraphs)

    def as_json(self) -> dict[str, Any]:
        """For machines: every alert, whatever their number."""
        return {
            "id": self.id,
            "subject": self.subject,
            "alerts": [
                {
                    "key": alert.key,
                    "title": alert.title,
                    "facts": dict(alert.facts),
                    "link": alert.link,
                }
                for alert in self.alerts
            ],
        }
