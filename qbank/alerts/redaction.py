"""Takes secrets out of texts that others wrote: an error may quote an address or a setting.

What never lives here: deciding what is told.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
LONGEST = 500
_LONGEST_REASON = 300
SHORTEST = 6  # shorter ones would blot out ordinary words
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|_URL$|PGPASS", re.IGNORECASE)
_POSTED_TO = ("QBANK_ALERT_SLACK_URL", "QBANK_ALERT_WEBHOOK_URL", "QBANK_RELAY_WEBHOOK_URL")
# scheme://user:password@host
_IN_ADDRESS = re.compile(r"(\w[\w+.-]*://[^\s:/@]*:)\S+(@)")
_ASSIGNED = re.compile(
    r"((?:password|passwd|secret|token|api_?key)\w*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;)]+)",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without passwords in addresses, assignments, or of this process's settings."""
    for secret in _known_secrets():
        text = text.replace(secret, HIDDEN)
    text = _IN_ADDRESS.sub(rf"\g<1>{HIDDEN}\g<2>", text)
    return _ASSIGNED.sub(rf"\g<1>{HIDDEN}", text)


def reason(error: Exception) -> str:
    """What an error says, in one line that is not too long."""
    said = redact(f"{type(error).__name__}: {' '.join(str(error).split())}")
    return said[:_LONGEST_REASON]  # cut afterwards: half a secret would not be known


def one_line(text: str) -> str:
    """The first line that says something, not too long."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"


def _known_secrets() -> list[str]:
    """Secret values of the environment, also as they stand in an address; the longest first."""
    found = set()
    for name, value in os.environ.items():
        if not _SECRET_NAME.search(name) or not value:
            continue
        password = urlsplit(value).password if "://" in value else value
        # an address without a password is a secret by itself where whoever has it may post to it
        if name in _POSTED_TO:
            found.add(value)
        if password:
            found |= {password, unquote(password), quote(unquote(password), safe="")}
    return sorted((secret for secret in found if len(secret) >= SHORTEST), key=len, reverse=True)
