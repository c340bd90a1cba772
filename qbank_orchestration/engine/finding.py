"""What an audit finds of a proposal, and a check of an exam: one statement with its numbers.

What never lives here: the audits, and the checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from qbank.stores.item_examinations import Fairness, Fit
from qbank.wording import listed

UNJUDGED = "unjudged"
"""Among a finding's numbers: it says only that there was nothing to judge."""
NAMED = 5
"""What a sentence names of many; Dagit has the table of all."""


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
    passed: bool = field(kw_only=True)
    blocking: bool = field(kw_only=True)
    summary: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """One exam's verdict, of a check that judges each by itself.

    Attributes:
        fine: whether nothing asks for a look.
        why: one sentence with what decided.
        numbers: what the verdict rests on.
    """

    exam_code: str
    fine: bool = field(kw_only=True)
    why: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def first_of(texts: Sequence[str]) -> str:
    """The first of what a sentence names, and how many there are beside."""
    return listed(texts, NAMED, "; ")


def item_named(row: Fairness | Fit, names: Mapping[int, str]) -> str:
    """An item in words: where its question came from, else its numbers.

    Args:
        row: what was found of it.
        names: of questions where they came from, by id.
    """
    ref = names.get(row.question_id)
    return f"item {ref}" if ref else f"question {row.question_id} v{row.version}"


def forbidding(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The failed findings that forbid publication."""
    return tuple(f for f in findings if f.blocking and not f.passed)


def reason(findings: Iterable[Finding]) -> str:
    """Why a proposal is not published, in one line."""
    return "; ".join(f"{f.check}: {f.summary}" for f in forbidding(findings))
