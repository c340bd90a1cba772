"""A card's SQL as Metabase would run it: optional parts, field filters, variables.

Metabase writes a field filter that has no value as `1 = 1`, else as a condition on
`"schema"."table"."column"`; a part in `[[…]]` goes where a tag inside has no value.
"""

from __future__ import annotations

import re
from typing import Any

from psycopg import sql

from qbank_metabase.documents import CardDocument, FieldFilterTag

_TAG = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)

Days = tuple[str, str]  # from, and the day after the last


def native_query(
    card: CardDocument, values: dict[str, Any], schema: str = "analytics"
) -> sql.Composed:
    """Returns the SQL for the values of some filters; the defaults of variables fill in."""
    defaults = {
        name: tag.default
        for name, tag in card.tags.items()
        if not isinstance(tag, FieldFilterTag) and tag.default is not None
    }
    given = defaults | values

    def optional(match: re.Match[str]) -> str:
        return match[1] if all(name in given for name in _TAG.findall(match[1])) else ""

    parts: list[sql.Composable] = []
    text = _OPTIONAL.sub(optional, card.sql)
    position = 0
    for match in _TAG.finditer(text):
        # a per cent sign must reach Postgres as it stands: nothing here is a parameter
        parts.append(sql.SQL(text[position : match.start()]))
        parts.append(_condition(card, match[1], given, schema))
        position = match.end()
    parts.append(sql.SQL(text[position:]))
    return sql.Composed(parts)


def _condition(card: CardDocument, name: str, given: dict[str, Any], schema: str) -> sql.Composable:
    tag = card.tags[name]
    if not isinstance(tag, FieldFilterTag):
        return sql.Literal(given[name])
    if name not in given:
        return sql.SQL("1 = 1")
    column = sql.Identifier(schema, *tag.column.split("."))
    value = given[name]
    if tag.widget == "date/all-options":
        return sql.SQL("({0} >= {1}::date AND {0} < {2}::date)").format(column, *value)
    if tag.widget == "number/>=":
        return sql.SQL("{} >= {}").format(column, value)
    wanted = sql.SQL(", ").join([value] if not isinstance(value, list) else value)
    return sql.SQL("{} IN ({})").format(column, wanted)
