"""QTI content packages: which files of a zip are items, read within bounds and never unpacked.

What never lives here: what an item means.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from qbank.errors import ImportFileError
from qbank.importing.questions import qti
from qbank.importing.questions.item import Entry, Item, UnusableItemError
from qbank.importing.questions.media import Kept, MediaFolder, not_kept
from qbank.importing.questions.metadata import Metadata, told
from qbank.importing.questions.source import Source
from qbank.importing.questions.xml import parsed

MANIFEST: Final = "imsmanifest.xml"
# an item or a picture; the manifest has something of each
MAX_MEMBER: Final = 16 << 20
MAX_MANIFEST: Final = 128 << 20
MAX_IN_ALL: Final = 512 << 20
MAX_MEMBERS: Final = 100_000


def refuse_traps(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuses an archive whose names lead out of it, or that grows beyond measure.

    Raises:
        ImportFileError: names the file in the archive.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ImportFileError(f"{path} holds {len(members)} files: {MAX_MEMBERS} are allowed")
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
            raise ImportFileError(
                f"{path} holds {member.filename!r}, which leads out of the package: it is refused"
            )
    of_xml = [member for member in members if member.filename.lower().endswith(".xml")]
    total = sum(member.file_size for member in of_xml)
    if total > MAX_IN_ALL:
        raise ImportFileError(
            f"{path} holds {total:,} bytes of XML unpacked, {MAX_IN_ALL:,} are allowed: split it"
        )


def entries(
    path: Path, archive: zipfile.ZipFile, notes: list[str], media: MediaFolder | None = None
) -> Iterator[Entry]:
    """The items that a package's manifest lists, numbered from 1; pictures go to `media`."""
    refuse_traps(path, archive)
    at = f"{path}: {MANIFEST}"
    manifest = parsed(_read(archive, MANIFEST, at, MAX_MANIFEST), at)
    others: Counter[str] = Counter()
    number = 0
    for resource in _resources(manifest):
        kind = resource.get("type", "")
        if kind.startswith(("imsqti_xmlv1", "imsqti_assessment_xmlv1")):
            raise ImportFileError(f"{path} is QTI 1.x: export it as QTI 2.1, 2.2 or 3.0")
        if not kind.startswith("imsqti_item"):
            others[kind or "without a type"] += 1
            continue
        number += 1
        name = resource.get("identifier", "")
        place = _place(resource)
        kept = not_kept if media is None else partial(_kept, archive, place, media)
        yield Entry(number, name, partial(_item, archive, place, told(resource), kept))
    notes += [f"{count} resources of type {kind} are not read" for kind, count in others.items()]


def _resources(manifest: Element) -> Iterator[Element]:
    """The resources of a manifest; the metadata of one may name resources, too."""
    for resources in manifest.iter("resources"):
        yield from resources.iterfind("resource")


def _place(resource: Element) -> str:
    file = resource.find("file")
    named = resource.get("href", "") or (file.get("href", "") if file is not None else "")
    try:
        return posixpath.normpath(unquote(urlsplit(named).path))
    except ValueError:
        return named


def _kept(archive: zipfile.ZipFile, place: str, media: MediaFolder, source: str) -> str | None:
    """The address of a picture of the package, which an item's text names from where it stands."""
    if source.lower().startswith("data:"):
        return media.keep_data(source)
    if source.startswith("/"):
        return None
    try:
        address = urlsplit(source)
    except ValueError as error:
        raise UnusableItemError(f"its picture {source[:60]!r} is no address: {error}") from error
    if address.scheme:
        return None
    beside = posixpath.join(posixpath.dirname(place), unquote(address.path))
    name = posixpath.normpath(beside)
    if name not in archive.NameToInfo:
        raise UnusableItemError(f"its picture {source[:60]!r} is not in the package")
    try:
        return media.keep(source, _read(archive, name, name))
    except ImportFileError as error:
        raise UnusableItemError(str(error)) from error


def _item(archive: zipfile.ZipFile, place: str, metadata: Metadata, kept: Kept) -> Item:
    if place.startswith(("/", "..")):
        raise UnusableItemError(f"its file {place!r} lies outside the package")
    if place not in archive.NameToInfo:
        raise UnusableItemError(f"its file {place!r} is not in the package")
    try:
        data = _read(archive, place, place)
        root = parsed(data, place)
    except ImportFileError as error:
        raise UnusableItemError(str(error)) from error
    if root.tag != qti.ROOT:
        raise UnusableItemError(f"{place} is a <{root.tag}>, not an item")
    return qti.item(root, Source(data), metadata, kept)


def _read(archive: zipfile.ZipFile, name: str, what: str, most: int | None = None) -> bytes:
    """A file of the archive; what its directory says of the size is not believed."""
    most = most or MAX_MEMBER
    with archive.open(name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ImportFileError(f"{what} has more than {most:,} bytes unpacked: it is refused")
    return data
