"""Addresses that settings and registrations name: readable ones, and encrypted ones outside dev.

What never lives here: asking them.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")


def web_address(value: str) -> str:
    """An address that can be posted to or opened, else a ValueError that says what to write."""
    # urlsplit raises ValueError with what it was given, which may be a secret
    with suppress(ValueError):
        parts = urlsplit(value)
        of_web = re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", value)
        if of_web and parts.hostname and parts.port != 0:
            return value
    raise ValueError("write http://… or https://…, with a port of 65535 at most and no spaces")


def encrypted(url: str) -> str:
    """The address, where what comes from it cannot be changed on the way.

    Raises:
        ValueError: it is neither https nor this machine.
    """
    address = urlsplit(url)
    if address.scheme == "http" and address.hostname not in _THIS_MACHINE:
        raise ValueError("not encrypted: outside dev give an address that begins with https://")
    return url
