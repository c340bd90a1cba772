"""Reads Moodle's GIFT: a question is a paragraph, its answers stand between braces.

What never lives here: which items the bank can keep.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from qbank.importing.questions.item import (
    FEEDBACK,
    Entry,
    Item,
    UnusableItemError,
    category,
    checked,
    right_by,
)
from qbank.importing.questions.markup import Markdown

_ESCAPES = {"n": "\n"}
_FORMAT = re.compile(r"^\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
# Moodle's own way to give a question's idnumber and tags: in the comment above it
# the one may have the other's brackets in it
_MARK = re.compile(r"(?<!\\)\[(id|tag):((?:\\.|[^]\\])+)]")
_WEIGHT = re.compile(r"^%(-?[\d.]+)%")
_NUMBER = re.compile(r"-?(\d++\.?\d*+|\.\d++)")


def entries(text: str) -> Iterator[Entry]:
    """The questions of a file."""
    topic: list[str] | None = None
    for line, block in _blocks(text):
        above: list[str] = []
        rows: list[str] = []
        for row in block:
            if not _is_comment(row):
                rows.append(row)
            elif not rows:
                above.append(row)
            if len(rows) == 1 and rows[0].lstrip().startswith("$CATEGORY:"):
                topic = category(rows.pop().partition(":")[2])
        if rows:
            given = _given(above)
            question = "\n".join(rows).strip()
            title = _title(question)[0]
            make = partial(_item, question, given, topic)
            yield Entry(line, _named(given) or title or question[:40], make)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line of the first, lines) of what stands between blank lines."""
    block: list[str] = []
    begun = 1
    has_gap = False
    for number, row in enumerate([*text.split("\n"), ""], 1):
        if not row.strip():
            # a comment above a question may have a blank line below it
            if block and not all(map(_is_comment, block)):
                yield begun, block
                block = []
            has_gap = True
            continue
        # and what stands above other comments is not of the question below these
        if has_gap and _is_comment(row):
            block = []
        if not block:
            begun = number
        block.append(row)
        has_gap = False


def _is_comment(row: str) -> bool:
    return row.lstrip().startswith("//")


def _given(comments: list[str]) -> str:
    """The comments that tell of the question below them, not of one that is commented out."""
    bare = [_MARK.sub("", row) for row in comments]
    ends = [k for k, row in enumerate(bare, 1) if re.search(r"[{}]", row)]
    return "\n".join(comments[ends[-1] if ends else 0 :])


def _item(question: str, comments: str, topic: list[str] | None) -> Item:
    title, body = _title(question)
    stem, answers, after = _braces(body)
    written = Markdown()
    stem = stem.lstrip()
    own = _FORMAT.match(stem)
    form = own[1].lower() if own else "moodle"
    read = _reading(form, written)
    text = read(stem[own.end() :] if own else stem)
    if after.strip():
        text = f"{text} _____ {read(after)}"
    answers, marked, general = _split(answers, "####")
    answers = answers.strip()
    read = _inner(written, form)
    options, right, remarks = _options(answers, read)
    rest: dict[str, object] = {}
    if marked:
        rest["rationale_md"] = read(general)
    if tags := _marked("tag", comments):
        rest["tags"] = tags
    return checked(
        _named(comments) or title,
        text,
        [("", option) for option in options],
        right,
        topic=topic,
        rest=rest,
        remarks=remarks,
        media=written.media,
    )


def _named(comments: str) -> str:
    found = _marked("id", comments)
    return found[-1] if found else ""


def _marked(what: str, comments: str) -> list[str]:
    """What stands in the brackets of a kind, without the backslashes that keep its own."""
    found = [text for kind, text in _MARK.findall(comments) if kind == what]
    return [re.sub(r"\\([]\\])", r"\1", text) for text in found]


def _title(question: str) -> tuple[str, str]:
    if not question.startswith("::"):
        return "", question
    title, found, body = _split(question[2:], "::")
    return (_plain(title).strip(), body) if found else ("", question)


def _reading(form: str, written: Markdown) -> Callable[[str], str]:
    """Reads texts of a format; Moodle's own is HTML where there are tags."""

    def read(text: str) -> str:
        text = _plain(text).strip()
        if form == "html":
            return written.of(text)
        return written.of_own(text) if form == "moodle" else text

    return read


def _inner(written: Markdown, outer: str) -> Callable[[str], str]:
    """Reads answers, which may begin with a format of their own."""

    def read(text: str) -> str:
        text = text.lstrip()
        own = _FORMAT.match(text)
        form, text = (own[1].lower(), text[own.end() :]) if own else (outer, text)
        return _reading(form, written)(text)

    return read


def _braces(body: str) -> tuple[str, str, str]:
    """What stands before, between and behind the braces."""
    begin = _first("{", body)
    if begin is None:
        raise UnusableItemError("it has no answers between braces: it is no question")
    end = _first("}", body, begin)
    if end is None:
        raise UnusableItemError("its { is not closed before the blank line")
    if _first("{", body, end + 1) is not None:
        raise UnusableItemError("it has answers between braces twice: ask one question")
    return body[:begin], body[begin + 1 : end], body[end + 1 :]


def _first(mark: str, text: str, start: int = 0) -> int | None:
    """Where a mark stands first that no backslash makes a letter; None where it does not."""
    marks = re.compile(rf"\\.|{re.escape(mark)}", re.DOTALL).finditer(text, start)
    return next((found.start() for found in marks if found[0] == mark), None)


def _split(text: str, mark: str) -> tuple[str, bool, str]:
    """What stands before a mark, whether it is there, and what stands behind it."""
    place = _first(mark, text)
    return (text, False, "") if place is None else (text[:place], True, text[place + len(mark) :])


def _options(answers: str, read: Callable[[str], str]) -> tuple[list[str], list[int], list[str]]:
    """Texts, places of the right ones, and what is left out."""
    truth = re.fullmatch(r"(T|TRUE|F|FALSE)\s*(#.*)?", answers, re.IGNORECASE | re.DOTALL)
    if truth:
        is_true = truth[1].upper().startswith("T")
        return ["True", "False"], [0 if is_true else 1], [FEEDBACK] if truth[2] else []
    _refuse_other_types(answers)
    pieces = _pieces(answers)
    options: list[str] = []
    shares: list[float] = []
    remarks: list[str] = []
    for mark, text in pieces:
        weight = _WEIGHT.match(text)
        text = text[weight.end() :] if weight else text
        if weight and not _NUMBER.fullmatch(weight[1]):
            raise UnusableItemError(
                f"option {len(options) + 1} is worth %{weight[1]}%: use a number up to 100"
            )
        shares.append(float(weight[1]) if weight else (100.0 if mark == "=" else 0.0))
        answer, _, feedback = _split(text, "#")
        if feedback.strip():
            remarks.append(FEEDBACK)
        options.append(read(answer))
    right, penalties = right_by(shares)
    return options, right, remarks + penalties


def _refuse_other_types(answers: str) -> None:
    kind = None
    if not answers:
        kind = "an essay"
    elif answers.startswith("#"):
        kind = "a numerical question"
    elif re.search(r"(?<!\\)->", answers) and not re.search(r"(?<!\\)~", answers):
        kind = "a matching question"
    elif not re.search(r"(?<!\\)~", answers):
        kind = "a short answer question"
    if kind:
        raise UnusableItemError(f"it is {kind}: the bank keeps questions with options")


def _pieces(answers: str) -> list[tuple[str, str]]:
    marks = [
        found
        for found in re.finditer(r"\\.|[=~]", answers, re.DOTALL)
        if not found[0].startswith("\\")
    ]
    ends = [*(found.start() for found in marks[1:]), len(answers)]
    if marks and answers[: marks[0].start()].strip():
        raise UnusableItemError(
            f"its answers begin with {answers[: marks[0].start()].strip()[:40]!r}: begin each with"
            " = or ~"
        )
    return [
        (found[0], answers[found.end() : end].strip())
        for found, end in zip(marks, ends, strict=True)
    ]


def _plain(text: str) -> str:
    return re.sub(
        r"\\([~=#{}:\\n])", lambda found: _ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL
    )
