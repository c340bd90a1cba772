"""What is still to be told to whom, as one document that outlives processes.

What never lives here: where the document is kept, and how a message gets anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qbank.alerts.message import Alert, Message

KEPT_S = 7 * 86_400.0  # told or not: after this long it is no news
MOST = 1_000  # waiting alerts; the oldest go first


@dataclass
class Waiting:
    """An alert that some ways do not have yet.

    Attributes:
        alert: free of secrets.
        due: names of the ways.
        since: Unix time at which it was taken.
    """

    alert: Alert
    due: set[str]
    since: float


@dataclass
class Outbox:
    """Alerts by key: those that wait, and those that were taken at any time of the last week.

    Attributes:
        began: Unix time from which on failures are told.
        until: Unix time up to which they were looked for.
        waiting: alerts that some way does not have.
        known: when each key was taken; a key is taken once.
    """

    began: float
    until: float
    waiting: dict[str, Waiting] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)

    def take(self, alerts: Iterable[Alert], ways: Sequence[str], now: float) -> int:
        """Takes alerts that are new, for the ways of this moment; returns how many were."""
        new = [alert for alert in alerts if alert.key not in self.known]
        for alert in Message.of(new).alerts:
            self.known[alert.key] = now
            self.waiting[alert.key] = Waiting(alert, set(ways), now)
        return len(new)

    def due(self, way: str) -> list[Alert]:
        """What a way does not have yet, oldest first."""
        return [entry.alert for entry in self.waiting.values() if way in entry.due]

    def told(self, keys: Iterable[str], way: str) -> None:
        """Notes that a way has the alerts."""
        for key in keys:
            self.waiting[key].due.discard(way)
            if not self.waiting[key].due:
                del self.waiting[key]

    def drop(self, ways: Sequence[str], now: float) -> list[Alert]:
        """Forgets what is old, and ways that are gone; returns alerts that some way never got."""
        for key, entry in list(self.waiting.items()):
            entry.due &= set(ways)
            if not entry.due:
                del self.waiting[key]
        old = [key for key, entry in self.waiting.items() if now - entry.since > KEPT_S]
        surplus = list(self.waiting)[: max(0, len(self.waiting) - MOST)]
        lost = [self.waiting.pop(key).alert for key in dict.fromkeys([*old, *surplus])]
        self.known = {key: at for key, at in self.known.items() if now - at <= KEPT_S}
        return lost

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(
            {
                "began": self.began,
                "until": self.until,
                "known": self.known,
                "waiting": [
                    {
                        "key": entry.alert.key,
                        "title": entry.alert.title,
                        "facts": entry.alert.facts,
                        "link": entry.alert.link,
                        "due": sorted(entry.due),
                        "since": entry.since,
                    }
                    for entry in self.waiting.values()
                ],
            }
        )

    @classmethod
    def load(cls, text: str) -> Outbox:
        """From the JSON of `dump`."""
        found = json.loads(text)
        waiting = {
            entry["key"]: Waiting(
                Alert(
                    entry["key"],
                    entry["title"],
                    tuple((name, value) for name, value in entry["facts"]),
                    entry["link"],
                ),
                set(entry["due"]),
                entry["since"],
            )
            for entry in found["waiting"]
        }
        return cls(found["began"], found["until"], waiting, found["known"])
