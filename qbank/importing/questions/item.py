"""An item as a file has it, and what makes it one that the bank can keep.

What never lives here: reading files, and comparing with the bank.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.text import identifier_faults, plain_text
from qbank.stores.authoring import Option
from qbank.stores.authoring.limits import (
    ASSET_URL,
    MAX_ASSETS,
    MAX_MARKDOWN,
    MAX_NAME,
    MAX_NOTE,
    MAX_OPTIONS,
    MAX_REFERENCES,
    MAX_TAGS,
    MAX_URL,
    MIN_OPTIONS,
)
from qbank.vocabulary import Difficulty, words
from qbank.wording import listed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# remarks: what the bank has no place for
FEEDBACK: Final = "feedback of single options is left out"
PENALTY: Final = "marks taken off for wrong options are left out"
_OF_COURSE = re.compile(r"^(\$\w+\$/?)?(top/)?")
_HALF = "\ud800-\udfff"
_CONTROL = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{_HALF}]")


class UnusableItemError(ValueError):
    """Why an item cannot be kept."""


@dataclass(frozen=True)
class Item:
    """One item, checked.

    Attributes:
        reference: ``questions.external_ref``.
        topic: names of topics from the root; None where the file does not tell.
        rest: other columns of ``question_versions`` that the file tells, by name.
        remarks: what of it the bank does not keep, to be counted.
        media: files that its texts name.
    """

    reference: str
    stem_md: str
    options: tuple[Option, ...]
    topic: tuple[str, ...] | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    media: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Label of the right option."""
        return next(option.label for option in self.options if option.is_correct)


@dataclass(frozen=True)
class Entry:
    """An item that stands in a file, not looked at yet.

    Attributes:
        line: of the file, or its number among the items where lines say nothing.
        name: how the file calls it.
        make: gives the item, or raises why there is none.
        values: the row that it stands in, for the rejects.
    """

    line: int
    name: str
    make: Callable[[], Item]
    values: Sequence[str] = ()


def checked(
    reference: str,
    stem: str,
    options: Sequence[tuple[str, str]],
    right: Iterable[int],
    *,
    topic: Sequence[str] | None = None,
    rest: Mapping[str, Any] | None = None,
    remarks: Iterable[str] = (),
    media: Iterable[str] = (),
) -> Item:
    """An item that the bank can keep.

    Args:
        reference: its name; blank takes one that follows from the stem.
        stem: Markdown.
        options: (label, Markdown), in their order; labels are letters where those given do not
            ascend.
        right: places of the right options.
        topic: names of topics from the root.
        rest: other columns that the file tells.
        remarks: what is left out of it.
        media: files that its texts name.

    Raises:
        UnusableItemError: names what is wrong and what to do.
    """
    stem = clean(stem, "stem")
    if not stem:
        raise UnusableItemError("it has no stem")
    texts = [clean(text, f"option {k}") for k, (_, text) in enumerate(options, 1)]
    if not MIN_OPTIONS <= len(texts) <= MAX_OPTIONS:
        raise wrong_number(len(texts))
    labels = _labels([label for label, _ in options])
    blank = [label for label, text in zip(labels, texts, strict=True) if not text]
    if blank:
        raise UnusableItemError(f"option {listed(blank, 3)} is blank")
    key = _key(sorted(set(right)), labels)
    return Item(
        reference=name(reference, "its name") if reference.strip() else _of_stem(stem),
        stem_md=stem,
        options=tuple(
            Option(label, text, label == key) for label, text in zip(labels, texts, strict=True)
        ),
        topic=None if topic is None else tuple(name(part, "a topic") for part in topic),
        rest=_rest(rest or {}),
        remarks=tuple(remarks),
        media=tuple(dict.fromkeys(media)),
    )


def wrong_number(options: int) -> UnusableItemError:
    """What is said of an item with so many options."""
    return UnusableItemError(
        f"it has {options} options: give {MIN_OPTIONS} to {MAX_OPTIONS} of them"
    )


def right_by(shares: Sequence[float]) -> tuple[list[int], list[str]]:
    """Places of the options that are worth all, and what is left out.

    Args:
        shares: what each option is worth, in percent.

    Raises:
        UnusableItemError: one is worth a part.
    """
    for place, share in enumerate(shares, 1):
        if 0 < share < 100:
            raise UnusableItemError(
                f"option {place} is worth {share:g} %: the bank's items are right or wrong"
            )
    return (
        [place for place, share in enumerate(shares) if share >= 100],
        [PENALTY for share in shares if share < 0],
    )


def name(text: str, what: str) -> str:
    """A name, trimmed and in Unicode's composed form.

    Raises:
        UnusableItemError: it is blank, too long, or holds what nobody sees.
    """
    if half := re.search(f"[{_HALF}]", text):
        raise UnusableItemError(f"{what} has {half[0]!r}, which is half a character: remove it")
    found = plain_text(pa.chunked_array([[text]], pa.string())).text
    plain = found[0].as_py()
    if plain is None:
        raise UnusableItemError(f"{what} is blank")
    for at_fault, fault in identifier_faults(found):
        if pc.any(at_fault).as_py():
            raise UnusableItemError(f"{what} {plain!r} {fault}")
    if len(plain) > MAX_NAME:
        raise UnusableItemError(f"{what} has {len(plain)} characters: {MAX_NAME} are allowed")
    return str(plain)


def clean(text: str, what: str, most: int = MAX_MARKDOWN) -> str:
    """A text, trimmed, with line breaks of one kind.

    Raises:
        UnusableItemError: it is too long, or holds control characters.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if found := _CONTROL.search(text):
        raise UnusableItemError(f"its {what} has the control character {found[0]!r}: remove it")
    if len(text) > most:
        raise UnusableItemError(f"its {what} has {len(text)} characters: {most} are allowed")
    return text


def topic_path(text: str) -> list[str] | None:
    """The topics of a path ``Biology/Cells``; ``//`` is a slash within a name."""
    parts = re.split(r"(?<!/)/(?!/)", text)
    found = [part.replace("//", "/").strip() for part in parts]
    return [part for part in found if part] or None


def category(text: str) -> list[str] | None:
    """The topics of a Moodle category ``$course$/top/Biology``."""
    return topic_path(_OF_COURSE.sub("", text.strip()))


def path_of(topic: Sequence[str]) -> str:
    """What :func:`topic_path` reads."""
    return "/".join(part.replace("/", "//") for part in topic)


def _labels(given: Sequence[str]) -> Sequence[str]:
    """Those given where they ascend: the bank shows options by label, and order has a meaning."""
    usable = all(re.fullmatch("[A-Z0-9]", label) for label in given)
    return given if usable and sorted({*given}) == [*given] else LETTERS[: len(given)]


def _key(right: Sequence[int], labels: Sequence[str]) -> str:
    if not right:
        raise UnusableItemError("no option is marked as right: give it a key")
    if len(right) > 1:
        raise UnusableItemError(
            f"options {listed([labels[k] for k in right], 5)} are right, and the bank keeps one: "
            "leave one here, and score answers by the others, too, with qbank rescore"
        )
    return labels[right[0]]


def _of_stem(stem: str) -> str:
    plain = " ".join(unicodedata.normalize("NFC", stem).split())
    return f"stem-{hashlib.sha256(plain.encode()).hexdigest()[:12]}"


def _rest(told: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(told)
    for column, what in (("rationale_md", "explanation"), ("lead_in", "lead-in")):
        if column in rest:
            rest[column] = clean(rest[column] or "", what, MAX_NOTE) or None
    for column, (what, most, read) in _LISTS.items():
        if len(rest.get(column, ())) > most:
            raise UnusableItemError(f"it has {len(rest[column])} {what}: {most} are allowed")
        if column in rest:
            rest[column] = [read(value) for value in rest[column]]
    if "difficulty_label" in rest:
        label = (rest["difficulty_label"] or "").strip().lower() or None
        if label is not None and label not in words(Difficulty):
            raise UnusableItemError(
                f"difficulty is {label!r}: use {', '.join(words(Difficulty))} or leave it empty"
            )
        rest["difficulty_label"] = label
    if "bloom_level" in rest:
        level = str(rest["bloom_level"] or "").strip().removesuffix(".0")
        if level and not re.fullmatch("[1-6]", level):
            raise UnusableItemError(f"bloom_level is {level!r}: use 1 to 6 or leave it empty")
        rest["bloom_level"] = int(level) if level else None
    return rest


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise UnusableItemError(f"{what} {value!r} is no text: write it between quotes")
    return value


def _asset(asset: Any) -> dict[str, str]:
    if not isinstance(asset, dict) or not {"url"} <= asset.keys() <= {"url", "alt"}:
        raise UnusableItemError('assets are objects like [{"url": "https://…", "alt": "…"}]')
    url = _text(asset["url"], "an asset's url")
    if not re.fullmatch(ASSET_URL, url) or len(url) > MAX_URL:
        raise UnusableItemError(
            f"an asset's url is {url[:60]!r}: begin it with https:// or /, without blanks and in"
            f" {MAX_URL} characters"
        )
    kept = {"url": clean(url, "asset's url")}
    if asset.get("alt") is not None:
        kept["alt"] = clean(_text(asset["alt"], "an asset's alt"), "asset's alt", MAX_NOTE)
    return kept


_LISTS: Mapping[str, tuple[str, int, Callable[[Any], Any]]] = {
    "tags": ("tags", MAX_TAGS, lambda tag: name(_text(tag, "tag"), "a tag")),
    "reference_list": (
        "references",
        MAX_REFERENCES,
        lambda text: clean(_text(text, "reference"), "reference", MAX_NOTE),
    ),
    "assets": ("assets", MAX_ASSETS, _asset),
}
