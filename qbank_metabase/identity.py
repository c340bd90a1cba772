"""Identifiers that are the same in every push and in every Metabase.

Belongs here: deriving ids from keys. Never here: ids that Metabase gives out (see `catalog.py`).
"""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid5

# any fixed namespace does; changing it would make every card a stranger to what is deployed
_NAMESPACE = UUID("5d5f3a52-3f53-5e0b-9c58-2f6a3b9f0a11")
_NANOID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
_NANOID_LENGTH = 21


def card_entity_id(key: str) -> str:
    """Return the NanoID (21 characters) under which Metabase knows the card for good."""
    digest = hashlib.sha256(f"qbank/card/{key}".encode()).digest()
    return "".join(_NANOID_ALPHABET[byte % 64] for byte in digest[:_NANOID_LENGTH])


def tag_id(card_key: str, tag: str) -> str:
    """Return the UUID of a template tag, which is also the id of the card's own parameter."""
    return str(uuid5(_NAMESPACE, f"card/{card_key}/{tag}"))


def dashboard_parameter_id(dashboard_key: str, name: str) -> str:
    """Return the 8 hex digits under which a dashboard knows its filter."""
    return uuid5(_NAMESPACE, f"dashboard/{dashboard_key}/{name}").hex[:8]
