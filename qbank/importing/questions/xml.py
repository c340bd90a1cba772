"""XML of strangers: parsed without document types, entities or anything outside the file.

What never lives here: what its elements mean.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from qbank.errors import ImportFileError


def parsed(data: bytes, what: str) -> Element:
    """The root of a document, with names and attributes as QTI 2 writes them, without namespaces.

    Args:
        data: the document.
        what: how errors call it.

    Raises:
        ImportFileError: it is no XML, or has a document type.
    """
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ImportFileError(
            f"{what} has a document type (<!DOCTYPE>), which could read other files or grow without"
            " end: remove it"
        ) from error
    except (ParseError, LookupError, ValueError) as error:
        raise ImportFileError(f"{what} is no XML: {error}") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = _plain(element.tag)
        element.attrib = {_plain(key): value for key, value in element.attrib.items()}
    return root


def text_of(element: Element | None) -> str:
    """All text within an element."""
    return "" if element is None else "".join(element.itertext()).strip()


def inner_html(element: Element) -> str:
    """What stands within an element, as HTML."""
    html: str = tostring(element, encoding="unicode", method="html")
    return html[html.find(">") + 1 : html.rfind("</")]


def _plain(name: str) -> str:
    """``{…}qti-choice-interaction`` as ``choiceInteraction``."""
    local = name.rpartition("}")[2]
    bare = local.removeprefix("qti-")
    if bare == local and not local.islower():
        return local
    if local.startswith("data-"):
        return local
    return re.sub(r"-(\w)", lambda found: found[1].upper(), bare)
