"""The id of an event: made of what happened, so that what is told twice has the same one twice.

What never lives here: what an event holds (``models``).
"""

from __future__ import annotations

import hashlib


def event_id(*what: object) -> str:
    """A UUID of version 8 (RFC 9562) of the parts that tell what happened.

    Postgres' function of the same name gives the same one of the parts joined by a slash.
    """
    digits = hashlib.sha256("/".join(map(str, what)).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
