"""The Markdown of an item beside the XHTML that QTI shows it as, so that both come back.

An exported item has its Markdown in a processing instruction, which other programs pass over. It is
believed where the XHTML is still what it makes; else the XHTML counts. What never lives here: what
stands in an item.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from qbank.importing.questions.xml import inner_html

TARGET: Final = "qbank-markdown"
LEAD_IN: Final = "qbank-lead-in"
"""Class of the part of a body that is shown above the stem."""
_FOUND = re.compile(rb"<\?" + TARGET.encode() + rb"\s+(\{.*?\})\s*\?>", re.DOTALL)
_TEX = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
# what QTI's elements of text may say of themselves
_ATTRIBUTES = frozenset(("href", "src", "alt"))


def xhtml(markdown: str) -> str:
    """Markdown as XHTML of the elements that QTI has; HTML in it is text, and TeX stays."""
    tokens = _parser().parse(markdown)
    _plain(tokens)
    return str(_parser().renderer.render(tokens, _parser().options, {})).strip()


def inline_xhtml(markdown: str) -> str:
    """The same, without the paragraph around what is one paragraph."""
    html = xhtml(markdown)
    lone = re.fullmatch(r"<p>((?:(?!</?p>).)*)</p>", html, re.DOTALL)
    return lone[1] if lone else html


def body_xhtml(lead_in: str | None, stem: str) -> str:
    """A body of lead-in and stem, without the choices below them."""
    above = f'<div class="{LEAD_IN}">{xhtml(lead_in)}</div>\n' if lead_in else ""
    return f"{above}<div>{xhtml(stem)}</div>"


def instruction(texts: Mapping[str, str | None]) -> str:
    """The processing instruction that keeps Markdown by the name of its part."""
    told = json.dumps(texts).replace(">", "\\u003e").replace("<", "\\u003c")
    return f"<?{TARGET} {told}?>"


class Source:
    """The Markdown that an item's document keeps.

    Attributes:
        texts: by the name of the part; empty where there is no such instruction.
    """

    def __init__(self, data: bytes = b"") -> None:
        found = _FOUND.search(data)
        self.texts: Mapping[str, str | None] = _read(found[1]) if found else {}

    def of(self, part: str, element: Element, *, is_inline: bool = False) -> str | None:
        """The Markdown of a part; None where it is not kept, or makes another XHTML than there is.

        Args:
            part: its name.
            element: what holds the XHTML.
            is_inline: whether one paragraph stands without its element.
        """
        text = self.texts.get(part)
        made = inline_xhtml if is_inline else xhtml
        return text if text is not None and same(element, made(text)) else None


def same(element: Element, html: str) -> bool:
    """Whether an element holds this XHTML, blanks between words and elements apart."""
    try:
        made = fromstring(f"<div>{html}</div>", forbid_dtd=True)
    except ParseError:
        return False
    return inner_html(made).split() == inner_html(element).split()


def _read(data: bytes) -> dict[str, str | None]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return {name: text for name, text in told.items() if text is None or isinstance(text, str)}


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table")
    parser.inline.ruler.before("escape", "tex", _tex)
    return parser


def _tex(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (as the parser calls it)
    """TeX between dollars, in which nothing is a mark of Markdown."""
    if state.src[state.pos] != "$" or not (found := _TEX.match(state.src, state.pos)):
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _plain(tokens: list[Token]) -> None:
    """Takes away what QTI's elements cannot say: alignment, titles, first numbers, languages."""
    for token in tokens:
        token.attrs = {key: value for key, value in token.attrs.items() if key in _ATTRIBUTES}
        token.info = ""
        _plain(token.children or [])
