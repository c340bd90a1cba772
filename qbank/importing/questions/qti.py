"""Reads items of QTI 2.1, 2.2 and 3.0, whose names were brought to those of 2 (``xml``).

What never lives here: packages, and which items the bank can keep.
"""

from __future__ import annotations

import re
from copy import copy
from xml.etree.ElementTree import Element

from qbank.importing.questions.item import (
    FEEDBACK,
    PENALTY,
    Item,
    UnusableItemError,
    checked,
)
from qbank.importing.questions.markup import Markdown
from qbank.importing.questions.media import Kept, not_kept
from qbank.importing.questions.metadata import Metadata
from qbank.importing.questions.source import LEAD_IN, Source, body_xhtml, same
from qbank.importing.questions.xml import inner_html, text_of
from qbank.wording import listed

ROOT = "assessmentItem"
_ONE_CHOICE = "choiceInteraction"
# what a template of response processing scores, by the end of its address
_TEMPLATES = ("match_correct", "map_response")


def item(
    root: Element,
    source: Source | None = None,
    metadata: Metadata | None = None,
    kept: Kept = not_kept,
) -> Item:
    """The item of a document.

    Args:
        root: of the document.
        source: the Markdown that the document keeps.
        metadata: what the package's manifest tells of it.
        kept: keeps pictures.

    Raises:
        UnusableItemError: it asks for more than one choice, or is scored otherwise.
    """
    source, metadata = source or Source(), metadata or Metadata()
    body = root.find("itemBody")
    if body is None:
        raise UnusableItemError("it has no item body")
    if root.find("templateDeclaration") is not None:
        raise UnusableItemError("it is a template whose values are drawn anew each time")
    if root.find("assessmentStimulusRef") is not None:
        raise UnusableItemError("its stimulus stands in another file: put it into the item")
    choice = _choice(body)
    right, remarks = _right(root, choice)
    for content in list(root.iter("contentBody")):
        content.tag = "div"
    labels, texts, written = [], [], Markdown(kept=kept)
    for option in choice.iter("simpleChoice"):
        remarks += _without(option, "feedbackInline", FEEDBACK)
        identifier = option.get("identifier", "")
        labels.append((identifier, re.sub("^choice_(?=.$)", "", identifier)))
        own = source.of(labels[-1][1], option, is_inline=True)
        texts.append(_text(option, written) if own is None else _own(own, option, written))
    remarks += _without(body, "rubricBlock", "rubrics are left out")
    remarks += _without(body, "feedbackBlock", "feedback in the body is left out")
    rest = {**metadata.rest, **_explained(root, labels, source, written, remarks)}
    lead_in, stem = _body(body, choice, source, written)
    if lead_in is not None or source.texts:
        rest["lead_in"] = lead_in
    identifier = root.get("identifier", "")
    return checked(
        metadata.reference or identifier,
        stem,
        [(label, text) for (_, label), text in zip(labels, texts, strict=True)],
        [k for k, (identifier, _) in enumerate(labels) if identifier in right],
        topic=metadata.topic,
        rest=rest,
        remarks=remarks,
        media=written.media,
    )


def _explained(
    root: Element,
    labels: list[tuple[str, str]],
    source: Source,
    written: Markdown,
    remarks: list[str],
) -> dict[str, object]:
    """The explanation, where the item tells whether it has one; feedback left out is remarked."""
    feedback = root.findall("modalFeedback")
    explained = [node for node in feedback if node.get("identifier") == "explanation"]
    if not explained and len(feedback) == 1:
        explained = [node for node in feedback if not _is_of_answers(node, labels)]
    if len(feedback) > len(explained[:1]):
        remarks.append(FEEDBACK)
    if not explained:
        return {"rationale_md": None} if source.texts else {}
    content = explained[0].find("div[last()]")
    kept = None if content is None else source.of("explanation", content)
    return {"rationale_md": _text(explained[0], written) if kept is None else kept}


def _is_of_answers(feedback: Element, labels: list[tuple[str, str]]) -> bool:
    """Whether feedback is for those who answered right, or wrong, or took one of the choices."""
    identifier = feedback.get("identifier", "")
    return identifier in [own for own, _ in labels] or bool(
        re.fullmatch("(feedback_?)?(in)?correct", identifier, re.IGNORECASE)
    )


def _choice(body: Element) -> Element:
    found = [node for node in body.iter() if str(node.tag).endswith("Interaction")]
    names = listed(sorted({str(node.tag) for node in found}), 5)
    if not found:
        raise UnusableItemError("it asks nothing: there is no interaction in it")
    if len(found) > 1:
        raise UnusableItemError(
            f"it asks {len(found)} questions ({names}): the bank's items ask one"
        )
    if found[0].tag != _ONE_CHOICE:
        raise UnusableItemError(f"it is a {names}: the bank keeps choiceInteraction")
    return found[0]


def _right(root: Element, choice: Element) -> tuple[set[str], list[str]]:
    """Identifiers of the right choices, and what is left out."""
    identifier = choice.get("responseIdentifier")
    declared = next(
        (
            node
            for node in root.iterfind("responseDeclaration")
            if node.get("identifier") == identifier
        ),
        None,
    )
    if declared is None:
        raise UnusableItemError(f"its response {identifier!r} is not declared: it has no key")
    several = choice.get("maxChoices", "1") != "1"
    if declared.get("cardinality") == "ordered" or (
        several and declared.get("cardinality") != "single"
    ):
        raise UnusableItemError("it lets people choose several options: the bank's items have one")
    correct = {text_of(value) for value in declared.iterfind("correctResponse/value")}
    worth = {
        entry.get("mapKey", ""): _number(entry.get("mappedValue", "0"))
        for entry in declared.iterfind("mapping/mapEntry")
    }
    credited = {key for key, value in worth.items() if value > 0}
    if len(credited | correct) > 1 and len(correct) < 2:
        raise UnusableItemError(
            f"options {listed(sorted(credited | correct), 5)} have marks: the bank's items are"
            " right or wrong"
        )
    processing = root.find("responseProcessing")
    own = processing is not None and not (processing.get("template") or "").removesuffix(
        ".xml"
    ).endswith(_TEMPLATES)
    remarks = ["its own response processing is left out: the right option scores 1"] if own else []
    if any(value < 0 for value in worth.values()):
        remarks.append(PENALTY)
    return correct or credited, remarks


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UnusableItemError(f"mapped value is {text!r}: use a number") from error


def _without(element: Element, tag: str, remark: str) -> list[str]:
    """Removes the elements of a tag; what it says of that."""
    found = False
    for parent in list(element.iter()):
        for child in [node for node in parent if node.tag == tag]:
            _remove(parent, child)
            found = True
    return [remark] if found else []


def _remove(parent: Element, child: Element) -> None:
    """Removes an element, and leaves the text behind it."""
    place = list(parent).index(child)
    if place:
        parent[place - 1].tail = (parent[place - 1].tail or "") + (child.tail or "")
    else:
        parent.text = (parent.text or "") + (child.tail or "")
    parent.remove(child)


def _text(element: Element, written: Markdown) -> str:
    return written.of(inner_html(element))


def _own(markdown: str, element: Element, written: Markdown) -> str:
    """Markdown that is there already; files that its element names are noted as elsewhere."""
    written.media += [image.get("src", "") for image in element.iter("img")]
    return markdown


def _body(
    body: Element, choice: Element, source: Source, written: Markdown
) -> tuple[str | None, str]:
    """Lead-in and stem of a body, with the prompt where the choices stood."""
    lead_in, stem = source.texts.get("lead_in"), source.texts.get("stem")
    if stem is not None and choice in list(body) and choice.find("prompt") is None:
        above = copy(body)
        above.remove(choice)
        if same(above, body_xhtml(lead_in, stem)):
            return lead_in, _own(stem, above, written)
    first = body.find("div")
    lead_in = None
    if first is not None and first.get("class") == LEAD_IN:
        lead_in = _text(first, written)
        _remove(body, first)
    prompt, behind = choice.find("prompt"), choice.tail
    choice.clear()
    choice.tail = behind
    choice.tag = "div"
    if prompt is not None:
        prompt.tag = "div"
        choice.append(prompt)
    return lead_in, _text(body, written)
