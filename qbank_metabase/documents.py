"""The files of `metabase/content/`: what each may say, as closed schemas.

Belongs here: the shape of one file and the rules it must keep by itself. Never here: rules that
span files (`content.py`) or Metabase's own wire format (`bodies.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

GRID_COLUMNS = 24

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Column = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Widget = Literal["date/all-options", "string/=", "string/contains", "number/=", "number/>="]
Display = Literal[
    "table", "bar", "line", "area", "row", "pie", "scalar", "combo", "scatter", "progress", "gauge"
]
Scalar = str | int | float

_TAG = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NESTED = re.compile(r"\[\[(?:(?!\]\]).)*\[\[", re.DOTALL)


class Document(BaseModel):
    """Base of all documents: an unknown key is an error, never a silent typo."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyedDocument(Document):
    """A document that others refer to by its key, which never changes."""

    key: Key


class CollectionDocument(KeyedDocument):
    """A folder of Metabase. A former name lets a rename find what is there already."""

    name: Text
    description: Text
    parent: Key | None = None
    former_names: tuple[Text, ...] = ()


class FieldFilterTag(Document):
    """A tag that Metabase replaces by a condition on `column` (`table.column` of the marts).

    The SQL must name the table in full and without an alias: Metabase writes the condition as
    `"schema"."table"."column"`.
    """

    label: Text
    column: Column
    widget: Widget
    default: Scalar | tuple[Scalar, ...] | None = None


class VariableTag(Document):
    """A tag that Metabase replaces by the value itself."""

    label: Text
    variable: Literal["number", "text"]
    default: Scalar | None = None
    required: bool = False

    @model_validator(mode="after")
    def _required_has_default(self) -> VariableTag:
        if self.required and self.default is None:
            raise ValueError("a required variable needs a default, or the card cannot open")
        return self


Tag = FieldFilterTag | VariableTag


class CardDocument(KeyedDocument):
    """A question: SQL on the marts, its filters, and how it is drawn."""

    name: Text
    description: Text
    collection: Key
    display: Display
    sql: Text
    tags: dict[Key, Tag] = Field(default_factory=dict)
    visualization: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tags_match_sql(self) -> CardDocument:
        if self.sql.count("[[") != self.sql.count("]]") or _NESTED.search(self.sql):
            raise ValueError("the optional parts [[…]] of the SQL are unbalanced or nested")
        used = set(_TAG.findall(self.sql))
        if missing := sorted(used - set(self.tags)):
            raise ValueError(f"the SQL uses {missing} but `tags` does not declare them")
        if unused := sorted(set(self.tags) - used):
            raise ValueError(f"`tags` declares {unused} but the SQL does not use them")
        return self


class DashboardFilter(Document):
    """A filter at the head of a dashboard; it feeds the tag of the same key in every card."""

    label: Text
    widget: Widget
    default: Scalar | tuple[Scalar, ...] | None = None


class CardCell(Document):
    """One card in a row, `width` columns of 24 wide."""

    card: Key
    width: Annotated[int, Field(ge=1, le=GRID_COLUMNS)]


class CardRow(Document):
    """Cards side by side that together fill the grid."""

    height: Annotated[int, Field(ge=1, le=40)]
    cards: tuple[CardCell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fills_the_grid(self) -> CardRow:
        total = sum(cell.width for cell in self.cards)
        if total != GRID_COLUMNS:
            names = ", ".join(cell.card for cell in self.cards)
            raise ValueError(
                f"the widths of [{names}] add up to {total}; a row has {GRID_COLUMNS} columns"
            )
        return self


class HeadingRow(Document):
    """A heading across the dashboard."""

    heading: Text


class TextRow(Document):
    """A paragraph of Markdown across the dashboard."""

    text: Text
    height: Annotated[int, Field(ge=1, le=20)] = 2


Row = CardRow | HeadingRow | TextRow


class DashboardDocument(KeyedDocument):
    """A dashboard: filters at its head, rows of cards below."""

    name: Text
    description: Text
    collection: Key
    width: Literal["fixed", "full"] = "full"
    former_names: tuple[Text, ...] = ()
    filters: dict[Key, DashboardFilter] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=1)

    def card_keys(self) -> tuple[str, ...]:
        """Return the keys of the cards, in reading order."""
        return tuple(
            cell.card for row in self.rows if isinstance(row, CardRow) for cell in row.cards
        )

    @model_validator(mode="after")
    def _each_card_once(self) -> DashboardDocument:
        # a card is how the importer knows a place on the grid again
        twice = sorted(key for key, n in Counter(self.card_keys()).items() if n > 1)
        if twice:
            raise ValueError(f"{twice} appear more than once on the dashboard")
        return self
