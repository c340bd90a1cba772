"""The topic tree by name. What never lives here: mastery, coverage."""

from __future__ import annotations

from dataclasses import dataclass

from qbank_console.api.client import Api, Json


@dataclass(frozen=True)
class TopicTree:
    """The tenant's topics.

    Attributes:
        paths: "Root / Child" by topic id, in the order of the tree.
        parents: the parent's id by topic id; None for a root.
    """

    paths: dict[int, str]
    parents: dict[int, int | None]

    def nearest(self, topic: int, named: set[int]) -> int | None:
        """The nearest of the named topics at or above a topic; None where there is none."""
        above: int | None = topic
        while above is not None and above not in named:
            above = self.parents.get(above)
        return above


def topic_tree(api: Api) -> TopicTree:
    """All topics of the tenant."""
    rows = api.rows("/author/topics")
    by_id = {row["id"]: row for row in rows}
    paths = {key: _path(by_id, key) for key in by_id}
    ordered = dict(sorted(paths.items(), key=lambda item: item[1].casefold()))
    return TopicTree(ordered, {row["id"]: row["parent_id"] for row in rows})


def _path(by_id: dict[int, Json], topic: int) -> str:
    names: list[str] = []
    above: int | None = topic
    while above in by_id and len(names) < len(by_id):  # a cycle ends, too
        names.append(by_id[above]["name"])
        above = by_id[above]["parent_id"]
    return " / ".join(reversed(names))


def create(api: Api, name: str, parent_id: int | None) -> Json:
    """Adds a topic below another, or at the root."""
    return dict(api.post("/author/topics", {"name": name, "parent_id": parent_id}))
