"""What a package's manifest says of an item, in IEEE LOM: its name, topic, tags and so on.

What never lives here: the item itself, and writing it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element

from qbank.importing.questions.xml import text_of

CATALOG: Final = "qbank"
"""Catalogue of the names that items have in the bank, in manifests that it wrote."""
BLOOM: Final = "Bloom"
TOPIC_PURPOSE: Final = "discipline"
BLOOM_PURPOSE: Final = "educational objective"
REFERENCE, ASSET = "references", "requires"
DIFFICULTIES: Final = {"easy": "easy", "medium": "medium", "hard": "difficult"}
_DIFFICULTY = {word: ours for ours, word in DIFFICULTIES.items()}
_DIFFICULTY |= {"very easy": "easy", "very difficult": "hard"}
_NOTHING: Mapping[str, Any] = {
    "difficulty_label": None,
    "bloom_level": None,
    "tags": [],
    "reference_list": [],
    "assets": [],
}


@dataclass(frozen=True)
class Metadata:
    """What is told of an item beside it.

    Attributes:
        reference: its name in the bank; None where another program wrote the manifest.
        topic: names of topics from the root; None where it does not tell.
        rest: other columns of ``question_versions`` that it tells.
    """

    reference: str | None = None
    topic: list[str] | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


def told(resource: Element) -> Metadata:
    """What the manifest tells of the item of a resource."""
    lom = resource.find("metadata/lom")
    if lom is None:
        return Metadata()
    names = [
        text_of(each.find("entry"))
        for each in lom.iterfind("general/identifier")
        if text_of(each.find("catalog")) == CATALOG
    ]
    rest: dict[str, Any] = dict(_NOTHING) if names else {}
    if tags := [text_of(word) for word in lom.iterfind("general/keyword")]:
        rest["tags"] = tags
    level = text_of(lom.find("educational/difficulty/value"))
    if level in _DIFFICULTY:
        rest["difficulty_label"] = _DIFFICULTY[level]
    topic: list[str] | None = None
    for each in lom.iterfind("classification"):
        purpose, path = text_of(each.find("purpose/value")), each.find("taxonPath")
        if path is None:
            continue
        if purpose == TOPIC_PURPOSE and topic is None:
            topic = [text_of(taxon.find("entry")) for taxon in path.iterfind("taxon")] or None
        elif purpose == BLOOM_PURPOSE and text_of(path.find("source")) == BLOOM:
            rest["bloom_level"] = text_of(path.find("taxon/id"))
    if names:
        rest |= _relations(lom)
    return Metadata(names[0] if names else None, topic, rest)


def _relations(lom: Element) -> dict[str, Any]:
    """References and assets of an item of the bank."""
    references, assets = [], []
    for each in lom.iterfind("relation"):
        kind, resource = text_of(each.find("kind/value")), each.find("resource")
        if resource is None:
            continue
        description = resource.find("description")
        if kind == REFERENCE:
            references.append(text_of(description))
        elif kind == ASSET:
            asset = {"url": text_of(resource.find("identifier/entry"))}
            if description is not None:
                asset["alt"] = text_of(description)
            assets.append(asset)
    return {"reference_list": references, "assets": assets}
