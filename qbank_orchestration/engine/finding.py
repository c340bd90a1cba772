"""What an audit finds: one statement with its numbers, and whether it forbids publication.

What never lives here: the audits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One check of a proposal.

    Attributes:
        check: name, as Dagster and the documentation show it.
        passed: whether it holds.
        blocking: whether its failure forbids publication; otherwise a person should look.
        summary: one sentence with the number that decided.
        numbers: what was measured against what.
    """

    check: str
    passed: bool
    blocking: bool
    summary: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


def forbidding(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The failed findings that forbid publication."""
    return tuple(f for f in findings if f.blocking and not f.passed)


def reason(findings: Iterable[Finding]) -> str:
    """Why a proposal is not published, in one line."""
    return "; ".join(f"{f.check}: {f.summary}" for f in forbidding(findings))
