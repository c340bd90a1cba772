"""Reads Moodle XML: ``<quiz>`` of ``<question type="…">``.

What never lives here: which items the bank can keep.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import unquote
from xml.etree.ElementTree import Element

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
from qbank.importing.questions.media import MediaFolder, not_kept
from qbank.importing.questions.xml import text_of

_PLUGIN_FILE = "@@PLUGINFILE@@/"


def entries(root: Element, media: MediaFolder | None = None) -> Iterator[Entry]:
    """The questions of a file, numbered from 1; pictures go to `media`."""
    topic: list[str] | None = None
    number = 0
    for question in root.iter("question"):
        if question.get("type") == "category":
            topic = category(text_of(question.find("category")))
            continue
        number += 1
        name = text_of(question.find("idnumber")) or text_of(question.find("name"))
        yield Entry(number, name, partial(_item, question, name, topic, media))


def _item(question: Element, name: str, topic: list[str] | None, media: MediaFolder | None) -> Item:
    kind = question.get("type") or "without a type"
    if kind not in ("multichoice", "truefalse"):
        raise UnusableItemError(
            f"it is of type {kind}, which the bank does not keep: multichoice and truefalse are"
        )
    named: list[str] = []
    text_in = partial(_text, media=media, named=named)
    options, right, remarks = _options(question, text_in)
    if kind == "multichoice" and text_of(question.find("single")).lower() in ("false", "0"):
        raise UnusableItemError("it lets people choose several options: the bank's items have one")
    if any(text_of(node) for tag in _FEEDBACK for node in question.iter(tag)):
        remarks.append(FEEDBACK)
    if any(text_of(node) for node in question.iter("hint")):
        remarks.append("hints are left out")
    if text_of(question.find("defaultgrade")) not in _ONE_MARK:
        remarks.append("marks other than 1 are left out")
    if media is None and any(True for _ in question.iter("file")):
        remarks.append("files in the XML are not kept: put them where readers fetch them")
    rest: dict[str, object] = {}
    explanation = question.find("generalfeedback")
    if explanation is not None:
        rest["rationale_md"] = text_in(explanation)
    if question.find("tags") is not None:
        rest["tags"] = [text_of(tag) for tag in question.iterfind("tags/tag")]
    stem = question.find("questiontext")
    return checked(
        name,
        "" if stem is None else text_in(stem),
        [("", text) for text in options],
        right,
        topic=topic,
        rest=rest,
        remarks=remarks,
        media=[source.removeprefix(_PLUGIN_FILE) for source in named],
    )


def _kept(element: Element, media: MediaFolder, source: str) -> str | None:
    """The address of a picture that stands in the XML beside its text.

    Each text of a question has its own files, and they may well have the same name.
    """
    if source.lower().startswith("data:"):
        return media.keep_data(source)
    if not source.startswith(_PLUGIN_FILE):
        return None
    # an editor puts ?time=… behind what it changed
    place = unquote(re.split("[?#]", source.removeprefix(_PLUGIN_FILE))[0])
    name = place.rpartition("/")[2]
    file = next((each for each in element.iterfind("file") if _place(each) == f"/{place}"), None)
    if file is None:
        raise UnusableItemError(f"its picture {name[:60]!r} is not in the XML")
    return media.keep_base64(name, "".join(text_of(file).split()))


def _place(file: Element) -> str:
    return f"{file.get('path') or '/'}{file.get('name')}"


_FEEDBACK = ("feedback", "correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
_ONE_MARK = ("", "1", "1.0", "1.0000000")


def _options(
    question: Element, text_in: Callable[[Element], str]
) -> tuple[list[str], list[int], list[str]]:
    options: list[str] = []
    shares: list[float] = []
    for answer in question.iterfind("answer"):
        try:
            shares.append(float(answer.get("fraction") or "0"))
        except ValueError as error:
            raise UnusableItemError(
                f"fraction is {answer.get('fraction')!r}: use a number up to 100"
            ) from error
        text = text_in(answer)
        is_truth = question.get("type") == "truefalse"
        options.append(text.capitalize() if is_truth else text)
    return options, *right_by(shares)


def _text(element: Element, media: MediaFolder | None, named: list[str]) -> str:
    """The Markdown of an element's text; files that nobody keeps are added to `named`."""
    written = Markdown(named, not_kept if media is None else partial(_kept, element, media))
    text = element.findtext("text") or ""
    form = element.get("format", "html")
    if form == "html":
        text = written.of(text)
    elif form == "moodle_auto_format":
        text = written.of_own(text)
    return text.replace(_PLUGIN_FILE, "")
