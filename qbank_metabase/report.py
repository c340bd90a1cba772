"""Plans and outcomes for the eyes: what would change, what changed, what went wrong and why.

Belongs here: drawing with rich. Never here: deciding or sending.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from qbank_metabase.applying import Outcome
from qbank_metabase.differences import ABSENT, Change
from qbank_metabase.steps import Plan, Step

_MARKS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "archive": ("-", "red"),
    "leave": ("?", "dim"),
}
_LONGEST_VALUE = 160


def print_plan(console: Console, plan: Plan) -> None:
    """Print every step that does something, with its differences, and a count."""
    for step in plan.steps:
        if step.action != "unchanged":
            _print_step(console, step)
    _print_counts(console, "Plan", (step.action for step in plan.steps))


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print one outcome as it happens; what was already right stays silent."""
    if outcome.bad:
        console.print(Text(f"! {_title(outcome.step)}: {outcome.result}", style="bold red"))
        console.print(Text(f"    {outcome.reason}", style="red"))
    elif outcome.result != "unchanged":
        _print_step(console, outcome.step)


def print_summary(console: Console, outcomes: Iterable[Outcome]) -> None:
    """Print how many steps came to which end."""
    _print_counts(console, "Push", (outcome.result for outcome in outcomes))


def _print_counts(console: Console, title: str, words: Iterable[str]) -> None:
    counts = ", ".join(f"{n} {word}" for word, n in sorted(Counter(words).items()))
    console.print(Text(f"{title}: {counts or 'nothing to do'}", style="bold"))


def _title(step: Step) -> str:
    return f"{step.kind} “{step.name}”"


def _print_step(console: Console, step: Step) -> None:
    mark, style = _MARKS[step.action]
    note = " (in our collections, not in the content)" if step.action == "leave" else ""
    console.print(Text(f"{mark} {_title(step)}{note}", style=style))
    for change in step.changes:
        for line in _lines(change):
            console.print(line)


def _lines(change: Change) -> Iterable[Text]:
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        yield Text(f"    {change.name}:")
        compared = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
        for row in list(compared)[2:]:
            style = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1], "")
            yield Text(f"      {row}", style=style)
        return
    line = Text(f"    {change.name}: ")
    if before is ABSENT:
        line.append(f"+ {_value(after)}", style="green")
    elif after is ABSENT:
        line.append(f"- {_value(before)}", style="red")
    else:
        line.append(_value(before), style="red").append(" → ").append(_value(after), style="green")
    yield line


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
