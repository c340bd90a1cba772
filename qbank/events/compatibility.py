"""Whether who reads by one JSON Schema can read what another one describes, and the other way.

Events are kept for long: programs of before read new ones, and new ones read those of before. What
never lives here: the schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

# what people read, and not programs
_WORDS: Final = {"description", "title", "default", "examples"}
_PARTS: Final = {"properties", "required", "$defs", "enum"} | _WORDS


def breaks(old: Any, new: Any, place: str = "") -> list[str]:
    """What the new schema takes away from the old one, or asks beyond it; empty: nothing.

    A field that may be left out may come, and a list of words may grow, as a text may.
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [f"{place} was {old!r} and is {new!r}"]
    return list(_breaks(old, new, place))


def _breaks(old: dict[str, Any], new: dict[str, Any], place: str) -> Iterator[str]:
    for part in ("properties", "$defs"):
        was, now = old.get(part, {}), new.get(part, {})
        for name in was:
            where = f"{place}.{name}".lstrip(".")
            if name not in now:
                yield f"{where} is gone"
            else:
                yield from breaks(was[name], now[name], where)
    here = place or "event"
    for name in sorted({*old.get("required", ())} ^ {*new.get("required", ())}):
        which = "must be there" if name in new.get("required", ()) else "may be left out"
        yield f"{here}.{name} now {which}"
    if lost := [word for word in old.get("enum", ()) if word not in new.get("enum", (word,))]:
        yield f"{here} may no more be {', '.join(map(repr, lost))}"
    if "enum" in new and "enum" not in old:
        yield f"{here} is narrowed to a list"
    # staff read what is for them alone from now on as before
    narrowed = {"x-audience"} - old.keys()
    for key in sorted((old.keys() | new.keys()) - _PARTS - narrowed):
        was, now = old.get(key), new.get(key)
        if key in ("anyOf", "items") and was is not None and now is not None:
            yield from _variants(was, now, here)
        elif was != now and not (key == "maxLength" and was is not None and was < (now or 0)):
            yield f"{here}: {key} was {was!r} and is {now!r}"


def _variants(old: Any, new: Any, place: str) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for was, now in zip(old, new, strict=True):
            yield from breaks(was, now, place)
    else:
        yield from breaks(old, new, place)
