"""Pictures that items bring along, kept in a folder that a web server gives out.

A file is named by what is in it, so that it is kept once and the same import finds the same
address. What never lives here: the files that packages are, and Markdown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from qbank.errors import ImportFileError
from qbank.importing.questions.item import UnusableItemError
from qbank.stores.authoring.limits import ASSET_URL

Kept = Callable[[str], str | None]
"""The address under which a picture is kept that a text names; None where it is not kept."""

MAX_IN_ALL: Final = 512 << 20
# by what stands at the beginning; a drawing in SVG may hold scripts
_KINDS: Final = (
    (rb"\x89PNG\r\n\x1a\n", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"GIF8[79]a", ".gif"),
    (rb"RIFF....WEBP", ".webp"),
)
_DATA: Final = re.compile(r"data:[\w/+.-]+;base64,(.*)", re.DOTALL)


def not_kept(source: str) -> str | None:
    """Keeps nothing."""
    return None


class MediaFolder:
    """The folder of one import.

    Attributes:
        kept: addresses of its pictures.
    """

    def __init__(self, folder: Path, url: str, *, dry_run: bool = False) -> None:
        """Checks where pictures go.

        Args:
            folder: an existing folder.
            url: the address under which readers fetch what is in it.
            dry_run: whether nothing is written.

        Raises:
            ImportFileError: there is no such folder, or the address is none.
        """
        if not folder.is_dir():
            raise ImportFileError(f"--media-dir {folder} is no folder: make it first")
        if not re.fullmatch(ASSET_URL, url):
            raise ImportFileError(
                f"--media-url is {url!r}: begin it with https:// or /, without blanks"
            )
        self._folder, self._url, self._dry_run = folder, url.rstrip("/"), dry_run
        self._made: list[Path] = []
        self._bytes = 0
        self.kept: set[str] = set()

    def keep(self, name: str, data: bytes) -> str:
        """The address of a picture, which is in the folder afterwards.

        Args:
            name: how the item calls it.
            data: what is in it.

        Raises:
            UnusableItemError: it is no picture that every reader can show.
        """
        suffix = next((s for start, s in _KINDS if re.match(start, data, re.DOTALL)), None)
        if suffix is None:
            raise UnusableItemError(
                f"its file {name[:60]!r} is no PNG, JPEG, GIF or WebP: give it as one of these"
            )
        path = self._folder / f"{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
        address = f"{self._url}/{path.name}"
        if address not in self.kept:
            self._bytes += len(data)
            if self._bytes > MAX_IN_ALL:
                raise ImportFileError(f"pictures of more than {MAX_IN_ALL:,} bytes: split the file")
            self._write(path, data)
            self.kept.add(address)
        return address

    def keep_data(self, source: str) -> str | None:
        """The address of a picture that stands in a text as data; None where it is no such text."""
        found = _DATA.fullmatch(source.strip())
        if found is None:
            return None
        return self.keep_base64(source[:30], found[1])

    def keep_base64(self, name: str, text: str) -> str:
        """The address of a picture that is written in base64."""
        try:
            return self.keep(name, base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise UnusableItemError(f"its picture {name[:60]!r} is no base64: {error}") from error

    def notes(self) -> list[str]:
        """What is said of it."""
        return [f"{len(self.kept)} pictures are kept in {self._folder}"] if self.kept else []

    def discard(self) -> None:
        """Takes away what this import wrote, where nothing else of it was."""
        for path in self._made:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        if self._dry_run or path.exists():
            return
        handle, name = tempfile.mkstemp(prefix=".media-", dir=self._folder)
        made = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            made.chmod(0o644)
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
        self._made.append(path)


@contextmanager
def folder_of(asked: tuple[Path, str] | None, *, dry_run: bool) -> Iterator[MediaFolder | None]:
    """The folder that an import asked for; what it wrote there goes again where the import fails.

    Args:
        asked: the folder and its address; None keeps no pictures.
        dry_run: whether nothing is written.
    """
    if asked is None:
        yield None
        return
    folder, url = asked
    media = MediaFolder(folder, url, dry_run=dry_run)
    try:
        yield media
    except BaseException:
        media.discard()
        raise
