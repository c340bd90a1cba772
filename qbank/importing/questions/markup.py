"""HTML of items as the Markdown that the bank keeps.

What it cannot say is refused by its tag, never dropped. What never lives here: XML files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import groupby

from qbank.importing.questions.item import UnusableItemError
from qbank.importing.questions.media import Kept, not_kept

_PARAGRAPHS = (
    *("p", "div", "section", "article", "header", "footer", "blockquote", "table", "ul", "ol"),
    *("dl", "dt", "dd", "figure", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"),
)
# what stands before an element's text, and behind it
_AROUND = {
    **dict.fromkeys(_PARAGRAPHS, ("\n\n", "\n\n")),
    **dict.fromkeys(("b", "strong"), ("**", "**")),
    **dict.fromkeys(("i", "em"), ("*", "*")),
    **dict.fromkeys(("td", "th"), (" ", " |")),
    "sub": ("$_{", "}$"),
    "sup": ("$^{", "}$"),
    "tr": ("\n|", ""),
    "br": ("  \n", ""),
}
_PLAIN = frozenset(
    (
        *("span", "font", "u", "small", "big", "html", "body", "head", "title", "meta", "link"),
        *("label", "abbr", "cite", "q", "s", "del", "ins", "mark", "hr", "tbody", "thead"),
        *("tfoot", "center", "nobr", "wbr", "var", "kbd", "samp", "colgroup", "col", "caption"),
        "style",
    )
)
_CODE = ("code", "tt")
# their text is no text
_SILENT = frozenset(("style", "head", "title"))
_MATH = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]|(\$\$.*?\$\$|(?<![\\$])\$[^$\n]+\$)", re.S)
_BLOCKS = (*_PARAGRAPHS, "pre", "li", "br", "hr", "tr", "td", "th", "tbody", "thead", "tfoot")
_REFUSED = (
    *("script", "iframe", "object", "embed", "math", "video", "audio", "svg", "form", "input"),
    *("button", "select", "textarea", "canvas", "applet", "frame", "frameset", "base"),
)
_KNOWN = "|".join((*_AROUND, *_CODE, *_PLAIN, *_BLOCKS, *_REFUSED, "img", "a"))
# a < b and c > d is no tag
_TAG = re.compile(rf"</?(?:{_KNOWN})(?:\s*/?>|\s+[a-z][\w:-]*\s*=)", re.IGNORECASE)
_BLOCK = rf"</?(?:{'|'.join(_BLOCKS)})(?:\s[^>]*)?/?>"
_BESIDE_BLOCK = re.compile(rf"({_BLOCK})\s*\n|\n\s*(?={_BLOCK})", re.IGNORECASE)


@dataclass
class Markdown:
    """Markdown of several pieces of HTML.

    Attributes:
        media: files that they name, and nobody keeps.
        kept: gives the address of a picture that is kept.
    """

    media: list[str] = field(default_factory=list)
    kept: Kept = not_kept

    def of(self, html: str) -> str:
        """The Markdown of one piece.

        Raises:
            UnusableItemError: it has a tag that Markdown cannot say.
        """
        reader = _Reader(self.media, self.kept)
        reader.feed(html)
        reader.close()
        return reader.text()

    def of_own(self, text: str) -> str:
        """The Markdown of Moodle's own format: HTML where there are tags, its line breaks kept.

        Raises:
            UnusableItemError: it has a tag that Markdown cannot say.
        """
        if not _TAG.search(text):
            return text
        text = text.replace("\r\n", "\n").strip()
        return self.of(_BESIDE_BLOCK.sub(r"\1", text).replace("\n", "<br>"))


class _Verbatim(str):
    """Lines that stay as they are."""

    __slots__ = ()


class _Reader(HTMLParser):
    def __init__(self, media: list[str], kept: Kept) -> None:
        super().__init__(convert_charrefs=True)
        self._media = media
        self._kept_at = kept
        self._parts: list[str] = []
        self._lists: list[int | None] = []
        self._links: list[str] = []
        self._rows = self._cells = 0
        self._silent = 0
        # what stands in pre and code, and how deep these stand in each other
        self._kept: list[str] = []
        self._pre = self._code = 0
        self._has_lines = False

    def text(self) -> str:
        """All of it, with blank lines between paragraphs."""
        self._pre = self._code = 0
        self._put_kept()
        pieces = []
        for is_verbatim, parts in groupby(self._parts, lambda part: isinstance(part, _Verbatim)):
            piece = "".join(parts)
            if not is_verbatim:
                lines = [line.rstrip(" \t") for line in piece.split("\n")]
                piece = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
            pieces.append(piece)
        return "".join(pieces).strip()

    def _put_kept(self) -> None:
        """Ends a piece of code, between more backticks than it has itself."""
        text, is_block = "".join(self._kept), self._has_lines
        self._kept, self._has_lines = [], False
        longest = max(map(len, re.findall("`+", text)), default=0)
        if is_block:
            fence = "`" * max(3, longest + 1)
            block = f"{fence}\n{text.strip(chr(10))}\n{fence}"
            self._parts += ["\n\n", _Verbatim(block), "\n\n"]
        elif text := " ".join(text.split()):
            fence = "`" * (longest + 1)
            pad = " " if "`" in (text[0], text[-1]) else ""
            self._parts.append(f"{fence}{pad}{text}{pad}{fence}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self._silent += tag in _SILENT
        if tag == "pre" or tag in _CODE:
            self._pre += tag == "pre"
            self._has_lines |= tag == "pre"
            self._code += tag != "pre"
        elif self._is_kept and (tag in _AROUND or tag == "a"):
            self._kept.append("\n" if tag == "br" else "")
        elif tag in _AROUND:
            self._parts.append(_AROUND[tag][0])
            self._count(tag)
        elif tag == "img":
            self._image(given)
        elif tag == "a":
            self._link(given.get("href", ""))
        elif tag == "li":
            self._parts.append(f"\n{'  ' * (len(self._lists) - 1)}{self._bullet()} ")
        elif tag not in _PLAIN:
            raise UnusableItemError(
                f"its text has a <{tag}>, which the bank's Markdown cannot say: remove it"
            )

    @property
    def _is_kept(self) -> bool:
        return self._pre > 0 or self._code > 0

    def _count(self, tag: str) -> None:
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "table":
            self._rows = 0
        elif tag == "tr":
            self._rows, self._cells = self._rows + 1, 0
        elif tag in ("td", "th"):
            self._cells += 1

    def _link(self, target: str) -> None:
        """A link out of the text; one that leads to a script, or nowhere, is its text."""
        is_outward = re.match(r"https?://", target, re.IGNORECASE) is not None
        self._links.append(target if is_outward else "")
        self._parts.append("[" if is_outward else "")

    def _image(self, given: dict[str, str]) -> None:
        source = given.get("src", "").strip()
        address = self._kept_at(source)
        if address is None:
            self._refuse_source(source)
            self._media.append(source)
        alt = re.sub(r"[\[\]\n]", " ", given.get("alt", "")).strip()
        self._parts.append(f"![{alt}]({(address or source).replace(' ', '%20')})")

    def _refuse_source(self, source: str) -> None:
        if source.lower().startswith(("javascript:", "vbscript:")):
            raise UnusableItemError(f"its picture is {source[:40]!r}, which is no file")
        if source.lower().startswith("data:"):
            raise UnusableItemError(
                "a picture stands in its text as data: put it where readers fetch it, and name it"
            )

    def _bullet(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "-"
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{number}."

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag == "pre" or tag in _CODE:
            self._end_kept(tag)
        elif self._is_kept:
            return
        if tag in _AROUND and tag != "br":
            self._parts.append(_AROUND[tag][1])
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "a" and self._links:
            if target := self._links.pop():
                self._parts.append(f"]({target})")
        elif tag == "tr" and self._rows == 1:
            # Markdown wants a line below the first row of a table
            self._parts.append("\n|" + " --- |" * self._cells)

    def _end_kept(self, tag: str) -> None:
        was_kept = self._is_kept
        self._pre = max(0, self._pre - (tag == "pre"))
        self._code = max(0, self._code - (tag != "pre"))
        if was_kept and not self._is_kept:
            self._put_kept()

    def handle_data(self, data: str) -> None:
        if self._silent > 0:
            return
        if self._is_kept:
            self._kept.append(data)
            return
        text = re.sub(r"\s+", " ", data)
        if text == " " and (not self._parts or self._parts[-1].endswith("\n")):
            return
        self._parts.append(_escaped(text))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is; what is TeX stays TeX, between dollars."""
    parts, end = [], 0
    for found in _MATH.finditer(text):
        parts.append(_plain(text[end : found.start()]))
        line, display, dollars = found.groups()
        parts.append(f"${line}$" if line is not None else dollars or f"$${display}$$")
        end = found.end()
    return "".join((*parts, _plain(text[end:])))


# what begins a tag, an entity or a link, and a backslash that would hide what follows; square
# brackets of their own stay, for \[ begins TeX
_MARKS = re.compile(r"[*`]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=])[(:]|\\(?=[!-#%-/:-@\[-`{-~]|$)|_+")


def _plain(text: str) -> str:
    return _MARKS.sub(lambda found: _mark(found, text), text)


def _mark(found: re.Match[str], text: str) -> str:
    """A mark behind a backslash; lines to fill in and snake_case are no marks."""
    mark = found[0]
    if mark[0] != "_":
        return f"\\{mark}"
    sides = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    lettered = sum(side.isalnum() for side in sides)
    return mark if lettered == 2 or (lettered == 0 and len(mark) > 2) else "\\_" * len(mark)
