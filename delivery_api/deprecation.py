"""What is on its way out says so in its replies: RFC 9745 (``Deprecation``), RFC 8594 (``Sunset``).

What never lives here: what takes its place, which the docs say (docs/api/README.md#deprecated).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

from fastapi import Request

AT_LEAST: Final = timedelta(days=180)
"""How long what is deprecated goes on working."""


@dataclass(frozen=True)
class Deprecated:
    """Since when something is deprecated, and when it goes; a dependency of its routes.

    Attributes:
        since: midnight UTC of a day.
        sunset: the same; not before :data:`AT_LEAST` has passed.
    """

    since: datetime
    sunset: datetime

    def __post_init__(self) -> None:
        if self.sunset - self.since < AT_LEAST:
            raise ValueError(f"it goes {self.sunset:%F}: give it {AT_LEAST.days} days at least")

    def __call__(self, request: Request) -> None:
        """Has its headers sent with the reply, whatever that is."""
        request.state.deprecation = self.headers

    @property
    def headers(self) -> dict[str, str]:
        """As the RFCs write them: a moment in Unix time, and an HTTP date."""
        return {
            "deprecation": f"@{self.since.timestamp():.0f}",
            "sunset": format_datetime(self.sunset, usegmt=True),
        }


PROBES_BELOW_V1: Final = Deprecated(
    since=datetime(2026, 12, 1, tzinfo=UTC), sunset=datetime(2027, 12, 1, tzinfo=UTC)
)
"""``/v1/health``, ``/v1/ready`` and ``/v1/metrics``: the same as without ``/v1``."""
