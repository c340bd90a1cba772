"""What a file is, by its first bytes and not by its name, and its bytes unpacked.

What never lives here: rows and columns.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import pyarrow as pa

from qbank.errors import ImportFileError

MOST_UNPACKED: Final = 8 << 30
"""Bytes that a packed file may have, which is read piece by piece."""
MOST_WHOLE: Final = 1 << 29
"""Bytes of what is read whole: JSON, and what an Excel file has in it."""
_PIECE: Final = 1 << 20
Format = Literal["parquet", "excel", "spss", "stata", "json", "delimited"]
# read from their own file alone: their readers go back and forth in it
WHOLE_FILES: tuple[Format, ...] = ("parquet", "excel", "spss", "stata")
_PARQUET, _OLD_EXCEL, _ZIP = b"PAR1", b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
_SPSS = (b"$FL2", b"$FL3")
# before release 13: the release, the order of bytes and a 1
_OLD_STATA = tuple(bytes([release, order, 1]) for release in range(104, 116) for order in (1, 2))
_STATA = (b"<stata_dta>", *_OLD_STATA)
_GZIP, _BZIP2, _ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextmanager
def unpacked(path: Path, file: BinaryIO) -> Iterator[Any]:
    """The bytes of an open file, unpacked where they are packed.

    Raises:
        ImportFileError: an archive has several files, or the file is packed twice; and while it is
            read: it has more than ``MOST_UNPACKED`` bytes.
    """
    start = _start(file)
    if start.startswith(_GZIP):
        with gzip.open(file) as stream:
            yield _bounded(path, stream)
    elif start.startswith(_BZIP2):
        with bz2.open(file) as stream:
            yield _bounded(path, stream)
    elif start.startswith(_ZSTD):
        yield _bounded(path, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
    elif start.startswith(_ZIP) and not _is_excel(path):
        with zipfile.ZipFile(file) as archive, archive.open(_only(path, archive)) as stream:
            yield _bounded(path, stream)
    else:
        yield file


def format_of(path: Path, stream: Any) -> tuple[Format, bytes]:
    """What the unpacked bytes are, and the first of them."""
    start = stream.read(1 << 20)
    if start.startswith(_PARQUET):
        return "parquet", start
    if start.startswith((_OLD_EXCEL, _ZIP)):
        return "excel", start
    if start.startswith(_SPSS):
        return "spss", start
    if start.startswith(_STATA):
        return "stata", start
    if start.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] in (b"{", b"["):
        return "json", start
    if not start.strip():
        raise ImportFileError(f"{path} is empty: nothing to import")
    return "delimited", start


def encoding_of(start: bytes) -> str:
    """The encoding that the first bytes tell, else UTF-8."""
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    # Latin letters have a zero byte in one of their two places
    head = start[:2000]
    half = max(len(head) // 2, 1)
    if head[1::2].count(0) > 0.7 * half:
        return "utf-16-le"
    if head[::2].count(0) > 0.7 * half:
        return "utf-16-be"
    return "utf-8"


def whole(path: Path, stream: Any) -> io.BytesIO:
    """All of a stream that can be read only so.

    Raises:
        ImportFileError: it has more than ``MOST_WHOLE`` bytes.
    """
    found = io.BytesIO()
    while piece := stream.read(_PIECE):
        found.write(piece)
        if found.tell() > MOST_WHOLE:
            raise _too_large(path, MOST_WHOLE)
    found.seek(0)
    return found


def refuse_inflated(path: Path) -> None:
    """Refuses an Excel file, which is read whole, that has too much in it.

    Raises:
        ImportFileError: its parts have more than ``MOST_WHOLE`` bytes unpacked.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_WHOLE:
            raise _too_large(path, MOST_WHOLE)


def _too_large(path: Path, most: int) -> ImportFileError:
    return ImportFileError(f"{path} has more than {most:,} bytes unpacked: import it in parts")


class _Counted(io.RawIOBase):
    """A stream that ends with an error where there is more in it than may be."""

    def __init__(self, path: Path, stream: Any) -> None:
        self._path = path
        self._stream = stream
        self._left = MOST_UNPACKED

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, into: Any) -> int:
        """The next bytes."""
        piece = self._stream.read(len(into))
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._path, MOST_UNPACKED)
        into[: len(piece)] = piece
        return len(piece)


def _bounded(path: Path, stream: Any) -> io.BufferedReader:
    return io.BufferedReader(_Counted(path, stream), _PIECE)


def _start(file: BinaryIO) -> bytes:
    start = file.read(8)
    file.seek(0)
    return start


def _is_excel(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile as error:
        raise ImportFileError(f"{path} cannot be read to its end: {error}") from error


def _only(path: Path, archive: zipfile.ZipFile) -> str:
    names = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if len(names) != 1:
        raise ImportFileError(
            f"{path} holds {len(names)} files ({', '.join(names[:5])}): unpack it and name one"
        )
    return names[0]
