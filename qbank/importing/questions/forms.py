"""How a file of items is written, by what stands in it, and its items.

What never lives here: what the items of one form mean.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from qbank.errors import ImportFileError
from qbank.importing.opening import encoding_of, unpacked
from qbank.importing.questions import aiken, gift, moodle, packages, qti, tables
from qbank.importing.questions.item import Entry
from qbank.importing.questions.media import MediaFolder
from qbank.importing.questions.source import Source
from qbank.importing.questions.xml import parsed, text_of
from qbank.vocabulary import ItemForm

MAX_BYTES: Final = 128 << 20
_HEAD = 1 << 16
_TABLES = (b"PAR1", b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
_MARKED = b"\xef\xbb\xbf \t\r\n"
# answers between braces that are marked, true or false, or none; what is taken is not given back,
# so that a text costs its length
_GIFT = re.compile(r"(?<!\\)\{\s*+(?:[#}]|[TF]\s*+[}#]|TRUE|FALSE|[^{}=~]*+[=~])", re.I)


@dataclass
class Content:
    """A file of items.

    Attributes:
        header: columns of a table, for the rejects; the item's name alone elsewhere.
        notes: what was skipped, or taken for what; complete when all entries were taken.
    """

    form: ItemForm
    header: list[str]
    entries: Iterator[Entry]
    notes: list[str] = field(default_factory=list)


@contextmanager
def opened(
    path: Path,
    form: ItemForm | None,
    encoding: str | None,
    reference: str,
    stem: str,
    media: MediaFolder | None = None,
) -> Iterator[Content]:
    """Opens a file of items.

    Args:
        path: the file.
        form: how it is written; None recognises it.
        encoding: of text; None finds it out.
        reference: name of a table's column of references.
        stem: name of a table's column of stems.
        media: where pictures of packages and Moodle XML go; None keeps none.

    Raises:
        ImportFileError: the file is missing, empty, too large, or of no known form.
    """
    if not path.is_file():
        raise ImportFileError(f"{path} is not a file: name the file of items")
    if path.stat().st_size == 0:
        raise ImportFileError(f"{path} is empty: nothing to import")
    table = partial(_table, path, encoding, reference, stem)
    try:
        with _archive(path) as archive:
            if archive is not None and (packages.MANIFEST in archive.NameToInfo or form == "qti"):
                yield _package(path, archive, media)
                return
        data = b"" if form == "table" else _data(path)
        # a byte that is none spoils a row of a table, and a whole text
        head = data[:_HEAD].decode(encoding_of(data[:_HEAD]), errors="replace")
        if data and _is_xml(head):
            yield _xml(path, data, form, media)
        elif not data or (form is None and tables.has_header(head, reference, stem)):
            with table() as content:
                yield content
        else:
            text = _text(path, data, encoding)
            found = form or _form_of(text)
            if found == "table":
                with table() as content:
                    yield content
            else:
                yield Content(found, ["external_ref"], _of_text(path, found)(text))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ImportFileError(f"{path} cannot be read to its end: {error}") from error


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile | None]:
    """The archive that a file is, None where it is none."""
    if not zipfile.is_zipfile(path):
        yield None
        return
    with zipfile.ZipFile(path) as archive:
        packages.refuse_traps(path, archive)
        yield archive


def _data(path: Path) -> bytes:
    """What a file of text or XML holds, unpacked; nothing where it is a table of another kind."""
    with path.open("rb") as file, unpacked(path, file) as stream:
        start: bytes = stream.read(_HEAD)
        if start.startswith(_TABLES):
            return b""
        data: bytes = start + stream.read(MAX_BYTES + 1 - len(start))
    if len(data) > MAX_BYTES:
        raise ImportFileError(
            f"{path} has more than {MAX_BYTES:,} bytes unpacked: import it in parts"
        )
    return data


@contextmanager
def _table(path: Path, encoding: str | None, reference: str, stem: str) -> Iterator[Content]:
    with tables.opened(path, encoding, reference, stem) as (header, entries, notes):
        yield Content("table", header, entries, notes)


def _package(path: Path, archive: zipfile.ZipFile, media: MediaFolder | None) -> Content:
    if packages.MANIFEST not in archive.NameToInfo:
        raise ImportFileError(f"{path} is no QTI package: it has no {packages.MANIFEST} at its top")
    notes: list[str] = []
    return Content("qti", ["external_ref"], packages.entries(path, archive, notes, media), notes)


def _is_xml(head: str) -> bool:
    return head.lstrip("\ufeff \t\r\n").startswith("<")


def _xml(path: Path, data: bytes, form: ItemForm | None, media: MediaFolder | None) -> Content:
    root = parsed(data.lstrip(_MARKED), str(path))
    if root.tag == "quiz" and form in (None, "moodle"):
        return Content("moodle", ["external_ref"], moodle.entries(root, media))
    if root.tag == qti.ROOT and form in (None, "qti"):
        name = root.get("identifier", "")
        entry = Entry(1, name, partial(qti.item, root, Source(data)))
        return Content("qti", ["external_ref"], iter([entry]))
    raise ImportFileError(f"{path}: {_not_items(root)}")


def _not_items(root: Element) -> str:
    said = {
        "questestinterop": "this is QTI 1.x: export it as QTI 2.1, 2.2 or 3.0",
        "manifest": "this is a package's manifest: import the zip that it is of",
        "assessmentTest": "this is a test, which names items: import the package that it is of",
    }
    told = f"<{root.tag}> holds no items that are known: Moodle XML begins with <quiz>, an item of"
    return said.get(str(root.tag), f"{told} QTI with <assessmentItem> ({text_of(root)[:40]!r})")


def _text(path: Path, data: bytes, encoding: str | None) -> str:
    name = encoding or encoding_of(data[:_HEAD])
    try:
        text = data.decode("utf-8-sig" if name.lower().replace("-", "") == "utf8" else name)
    except LookupError as error:
        raise ImportFileError(f"--encoding {name!r} is unknown: {error}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportFileError(
            f"{path}, line {line}: {data[error.start : error.start + 1]!r} is no {name} text: name"
            " the file's --encoding, like latin-1"
        ) from error
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _form_of(text: str) -> ItemForm:
    if any(aiken.ANSWER.match(line) for line in text.split("\n")):
        return "aiken"
    if _GIFT.search(text) and not text.lstrip().startswith(("{", "[{")):
        return "gift"
    return "table"


def _of_text(path: Path, form: ItemForm) -> Callable[[str], Iterator[Entry]]:
    readers: dict[ItemForm, Callable[[str], Iterator[Entry]]] = {
        "gift": gift.entries,
        "aiken": aiken.entries,
    }
    if form not in readers:
        raise ImportFileError(f"{path} is text, not {form}: leave --format out, it is found out")
    return readers[form]
