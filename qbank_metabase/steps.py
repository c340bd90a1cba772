"""The steps of a push: what each will do, and what it waits for.

Belongs here: the shapes. Never here: finding out what to do (`planning.py`) or doing it
(`applying.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qbank_metabase.catalog import Catalog
from qbank_metabase.content import Content
from qbank_metabase.differences import Change
from qbank_metabase.states import CardState, DashboardState

Kind = Literal["collection", "card", "dashboard"]
Action = Literal["create", "update", "unchanged", "archive", "leave"]
Reference = tuple[Kind, str]


@dataclass(frozen=True)
class Step:
    """One thing that the push sees to.

    Attributes:
        kind: What it is.
        key: Our key, or Metabase's name for a thing that is not ours.
        name: Its name for people.
        action: `leave` is for what is in our collections but not in the content.
        remote_id: Its id in Metabase, if it is there.
        changes: What an update changes.
        needs: What must have succeeded before.
        desired: The state to reach; None for collections and strangers.
        dashcard_ids: Places of a dashboard that are there already, by label.
    """

    kind: Kind
    key: str
    name: str
    action: Action
    remote_id: int | None = None
    changes: tuple[Change, ...] = ()
    needs: tuple[Reference, ...] = ()
    desired: CardState | DashboardState | None = None
    dashcard_ids: dict[str, int] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether the step sends anything."""
        return self.action in {"create", "update", "archive"}


@dataclass(frozen=True)
class Plan:
    """All steps, in the order in which they must be done."""

    content: Content
    catalog: Catalog
    steps: tuple[Step, ...]


def new_step(
    kind: Kind,
    key: str,
    name: str,
    needs: tuple[Reference, ...],
    desired: CardState | DashboardState | None = None,
) -> Step:
    """Return the step for a thing that Metabase does not have yet."""
    return Step(kind, key, name, "create", needs=needs, desired=desired)


def existing_step(
    kind: Kind,
    key: str,
    name: str,
    remote_id: int,
    changes: tuple[Change, ...],
    needs: tuple[Reference, ...] = (),
    desired: CardState | DashboardState | None = None,
    dashcard_ids: dict[str, int] | None = None,
) -> Step:
    """Return the step for a thing that is there: an update where something differs."""
    action: Action = "update" if changes else "unchanged"
    return Step(kind, key, name, action, remote_id, changes, needs, desired, dashcard_ids or {})
