"""What a field of a request may be, read from its annotation: for errors, forms and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Names:
    """Marks what the keys of a mapping name; topics, where it is left out."""

    what: str


@dataclass(frozen=True)
class Allowed:
    """What a value may be; as text, what an error tells people to give.

    Attributes:
        type: bool, int, float, str, list or dict.
        low: smallest number, or the one that it must lie above.
        above: whether ``low`` itself is too small.
        high: largest number.
        words: the only words, if a text may not be any.
        value: of a mapping: what its values may be.
        key: of a mapping: what its keys may be, "" where they name topics.
        item: of a list: what each may be.
    """

    type: type[Any]
    low: float | None = None
    above: bool = False
    high: float | None = None
    words: tuple[str, ...] = ()
    value: Allowed | None = None
    key: str = ""
    item: Allowed | None = None

    @classmethod
    def of(cls, annotation: Any) -> Allowed:
        """Reads an annotation of a request's field; that None is allowed too does not show."""
        kind, metadata = _unwrapped(annotation)
        if get_origin(kind) is Literal:
            return cls(str, words=get_args(kind))
        if get_origin(kind) is dict:
            key, value = get_args(kind)
            words = cls.of(key).words
            marked = [one.what for one in _unwrapped(key)[1] if isinstance(one, Names)]
            name = " or ".join(words or marked)
            return cls(dict, value=cls.of(value), key=name)
        if get_origin(kind) is list:
            return cls(list, item=cls.of(get_args(kind)[0]))
        lows = [m for m in metadata if isinstance(m, Ge | Gt)]
        highs = [m.le for m in metadata if isinstance(m, Le)]
        return cls(
            kind,
            low=next((m.ge if isinstance(m, Ge) else m.gt for m in lows), None),  # type: ignore[arg-type]  # bounds of our fields are numbers
            above=any(isinstance(m, Gt) for m in lows),
            high=next(iter(highs), None),  # type: ignore[arg-type]  # bounds of our fields are numbers
        )

    @property
    def interval(self) -> str:
        """The numbers, e.g. "above 0, at most 1"; "" where any will do."""
        low, high = _number(self.low), _number(self.high)
        if self.above:
            return f"above {low}" + (f", at most {high}" if high else "")
        return f"from {low} to {high}" if low and high else ""

    def __str__(self) -> str:
        if self.words:
            return " or ".join(self.words)
        if self.value is not None:
            return f"an object from {self.key or 'topic'} to {self.value}"
        if self.item is not None:
            return f"a list of {self.item}"
        name = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
        return f"{name.get(self.type, self.type.__name__)} {self.interval}".strip()


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """The type below None and Annotated, and all that was annotated on the way."""
    metadata: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata += _flat(more)
        elif origin in (Union, UnionType):
            (annotation,) = (one for one in get_args(annotation) if one is not NoneType)
        else:
            return annotation, metadata


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for one in metadata:
        yield from one.metadata if isinstance(one, FieldInfo) else (one,)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"
