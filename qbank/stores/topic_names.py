"""Topics as a text names them: by id, by blueprint code or by name, within a tenant's tree.

What never lives here: the tree itself (``item_bank``), and what is asked of a topic.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from qbank.errors import RequestError
from qbank.stores.item_bank import Topic, topics

NAMED: Final = """SELECT id, parent_id, name, blueprint_code FROM topics
    WHERE tenant_id = %(tenant)s AND (id = ANY(%(ids)s::bigint[]) OR name = ANY(%(names)s::text[])
        OR blueprint_code = ANY(%(names)s::text[]))"""
"""The topics that texts may name: one statement, whose parameters are :func:`parameters`."""

# how many of the unknown are said; and among how many names, those of most alike length, the
# nearest are looked for: a comparison takes 50 µs
_SAID, _COMPARED = 3, 200
_MAX_ID: Final = 2**63 - 1


def parameters(tenant_id: str, keys: Iterable[int | str]) -> dict[str, Any]:
    """Parameters of :data:`NAMED`."""
    texts = [str(key) for key in keys]
    ids = [int(text) for text in texts if text.isascii() and text.isdecimal()]
    return {"tenant": tenant_id, "ids": [i for i in ids if i <= _MAX_ID], "names": texts}


def named(conn: Connection[Any], tenant_id: str, key: str) -> int:
    """The id of the tenant's topic that a text names: one statement, one more for an error.

    Raises:
        RequestError: as :func:`find`.
    """
    with conn.cursor(row_factory=class_row(Topic)) as cursor:
        found = cursor.execute(NAMED, parameters(tenant_id, [key])).fetchall()
    ids = _matches(found, [key])[key]
    return ids[0] if len(ids) == 1 else find(topics(conn, tenant_id), key)


def find(tree: Sequence[Topic], key: str) -> int:
    """The id of the topic that a text names: an id, a blueprint code or a name.

    Raises:
        RequestError: no topic, or several.
    """
    return find_all(tree, [key])[key]


def found(tree: Sequence[Topic], keys: Collection[str]) -> dict[str, int] | None:
    """The topics that texts name, by text; None where one of them names none, or several."""
    matches = _matches(tree, keys)
    if any(len(ids) != 1 for ids in matches.values()):
        return None
    return {key: ids[0] for key, ids in matches.items()}


def find_all(tree: Sequence[Topic], keys: Collection[str]) -> dict[str, int]:
    """The topics that texts name, by text.

    Args:
        tree: all topics of the tenant.
        keys: ids, blueprint codes or names.

    Raises:
        RequestError: a text names several topics, which are listed; or some name none, with the
            names that are nearest.
    """
    matches = _matches(tree, keys)
    for key, ids in matches.items():
        if len(ids) > 1:
            raise RequestError(
                f"topic {key!r} names {len(ids)} topics: give an id of {ids}"
                f" ({'; '.join(_place(tree, topic) for topic in ids[:10])})"
            )
    unknown = [key for key, ids in matches.items() if not ids]
    if unknown:
        raise RequestError(_unknown(tree, unknown))
    return {key: ids[0] for key, ids in matches.items()}


def _matches(tree: Sequence[Topic], keys: Iterable[str]) -> dict[str, list[int]]:
    """Topics by what names them: an id goes before a blueprint code, and that before a name."""
    kinds: tuple[dict[str, list[int]], ...] = ({}, {}, {})
    for topic in tree:
        for kind, text in zip(
            kinds, (str(topic.id), topic.blueprint_code, topic.name), strict=True
        ):
            if text is not None:
                kind.setdefault(text, []).append(topic.id)
    return {key: next((kind[key] for kind in kinds if key in kind), []) for key in keys}


def _place(tree: Sequence[Topic], topic_id: int) -> str:
    """``4 is science > physics``."""
    by_id: Mapping[int, Topic] = {topic.id: topic for topic in tree}
    names: list[str] = []
    at: int | None = topic_id
    while at is not None and len(names) < 10:
        names.append(by_id[at].name)
        at = by_id[at].parent_id
    return f"{topic_id} is {' > '.join(reversed(names))}"


def _unknown(tree: Sequence[Topic], keys: Sequence[str]) -> str:
    known = {t.name.casefold(): t.name for t in tree}
    said = [repr(key[:100]) for key in keys[:_SAID]]
    if len(keys) > _SAID:
        said.append(f"{len(keys) - _SAID} more")
    what = "topic {} is" if len(keys) == 1 else "topics {} are"
    nearest = []
    for key in keys[:_SAID]:
        text = key[:100].casefold()
        alike = sorted(known, key=lambda name: abs(len(name) - len(text)))[:_COMPARED]
        near = difflib.get_close_matches(text, alike, n=3)
        if near:
            names = " or ".join(repr(known[name]) for name in near)
            nearest.append(f"nearest to {key[:100]!r}: {names}")
    told = f"{what.format(', '.join(said))} unknown: give a topic's id, blueprint code or name"
    return told + (f" ({'; '.join(nearest)})" if nearest else "")
