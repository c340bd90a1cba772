"""What people are told of a flag of an item: what it is called, how urgent it is, what to do.

What never lives here: what raises one (dbt, ``docs/analytics/marts.md``), and who bears it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Final


@dataclass(frozen=True)
class Flag:
    """A column of item_health that accuses an item.

    Attributes:
        column: its name, by which programs know the flag.
        label: what people call it.
        severity: how urgent it is: act today, look this week or note.
        what_to_do: one sentence or two.
    """

    column: str
    label: str
    severity: str
    what_to_do: str

    @property
    def name(self) -> str:
        """Its label within a sentence."""
        return self.label.lower()


_SAID = resources.files("qbank").joinpath("item_flags.json")  # by `make generate`
# by column, the most urgent first
FLAGS: Final = {
    flag.column: flag
    for flag in (Flag(**said) for said in json.loads(_SAID.read_text(encoding="utf-8")))
}
