"""What an option of an item is called: a letter or digit, or a code of several characters.

One label has one spelling, whoever brings it: a file of answers, a key, or the person who answers.
What never lives here: which options an item has, and what is right.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_LABEL: Final = 64
_NUMBER = re.compile(r"[+-]?\d+(?:[.,/]\d+)?%?")
# what parts several options (, ; / | + &) or options from points (=) is in no word
_WORDS = re.compile(r"[^\W_](?:[\w .'’-]*[^\W_])?")
_WHOLE = re.compile(r"\+?(\d+)\.0*")
_DECORATED = re.compile(r"\((.+)\)|\[(.+)\]|(.+?)[.):]")
# a key says these of all options
_RULES: Final = frozenset({"ALL", "POINTS", "VOID"})


@lru_cache(maxsize=10_000)
def option_label(text: str) -> str | None:
    """The label that a text names, None where it is none.

    It is in capitals, with single blanks. ``(A)``, ``A)``, ``A.`` and ``a`` are ``A``; ``1.0``,
    which spreadsheets make of 1, is ``1``. ``A;C`` is two options, ``*`` is none, and ``all``,
    ``points`` and ``void`` are words of keys.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split()).upper()
    if whole := _WHOLE.fullmatch(plain):
        plain = whole[1]
    if decorated := _DECORATED.fullmatch(plain):
        plain = next(filter(None, decorated.groups())).strip()
    if _NUMBER.fullmatch(plain):
        plain = plain.removeprefix("+")
    elif not _WORDS.fullmatch(plain):
        return None
    if len(plain) > LONGEST_LABEL or plain in _RULES:
        return None
    return plain
