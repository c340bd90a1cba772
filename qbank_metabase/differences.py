"""What differs between two states, path by path.

Belongs here: comparing. Never here: drawing (`report.py`), deciding (`planning.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qbank_metabase.states import State


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Change:
    """One value that differs: `before` in Metabase, `after` in the content."""

    path: tuple[str, ...]
    before: Any
    after: Any

    @property
    def name(self) -> str:
        """The path in one word, such as `tags.exam.default`."""
        return ".".join(self.path)


def differences(before: State, after: State) -> tuple[Change, ...]:
    """Return what would change, in the order of the fields.

    A part that is there on one side only is one change, not one per leaf of it.
    """
    return tuple(_walk((), before.model_dump(), after.model_dump()))


def _walk(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _walk((*path, str(key)), before.get(key, ABSENT), after.get(key, ABSENT))
    elif before != after:
        yield Change(path, before, after)
