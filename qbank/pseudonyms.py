"""Pseudonyms of people: a name that whoever has the key can make again, and nobody else.

A pseudonym is HMAC-SHA-256 (RFC 2104) of tenant and id under the tenant's key, so a person has the
same one in every file, and another one in another tenant. The key is not stored; what is, its
fingerprint, tells whether the next one is the same. What never lives here: files of responses.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from qbank.errors import SettingsError
from qbank.postgres import Connection
from qbank.settings import Settings

FORM: Final = r"^p-[a-z2-7]{26}$"
SHORTEST: Final = 32
_MAKE_ONE = "make one with: (umask 077; openssl rand -base64 48 > FILE)"
_FIRST = """
INSERT INTO pseudonym_keys (tenant_id, fingerprint) VALUES (%(tenant)s, %(fingerprint)s)
ON CONFLICT (tenant_id) DO NOTHING
"""
_KNOWN = "SELECT fingerprint, created_at FROM pseudonym_keys WHERE tenant_id = %(tenant)s"
# a tenant that has nobody by a pseudonym takes any key
_REPLACE = """
UPDATE pseudonym_keys AS k SET fingerprint = %(fingerprint)s, created_at = now()
WHERE k.tenant_id = %(tenant)s AND NOT EXISTS (
    SELECT FROM import_batches AS b JOIN exams AS e USING (exam_code)
    WHERE e.tenant_id = k.tenant_id AND b.undone_at IS NULL
        AND b.mapping ->> 'pseudonymised' = 'true'
)
"""


@dataclass(frozen=True)
class PseudonymKey:
    """A secret of at least 32 bytes.

    Attributes:
        path: the file that it came from, for messages.
    """

    path: Path
    _secret: bytes = field(repr=False)

    @classmethod
    def load(cls, settings: Settings) -> PseudonymKey:
        """The key in the file that ``QBANK_PSEUDONYM_KEY_FILE`` names.

        Raises:
            SettingsError: no file is named, it cannot be read, others may read it, or it holds no
                key.
        """
        path = settings.pseudonym_key_file
        if path is None:
            raise SettingsError(
                f"QBANK_PSEUDONYM_KEY_FILE names no file of the key for pseudonyms: {_MAKE_ONE}"
            )
        try:
            mode, secret = path.stat().st_mode, path.read_bytes().strip()
        except OSError as error:
            raise SettingsError(
                f"QBANK_PSEUDONYM_KEY_FILE: {path} cannot be read ({error.strerror})"
            ) from error
        if mode & 0o077:
            raise SettingsError(
                f"QBANK_PSEUDONYM_KEY_FILE: others may read {path}: chmod 600 {path}"
            )
        if len(secret) < SHORTEST:
            raise SettingsError(
                f"QBANK_PSEUDONYM_KEY_FILE: {path} holds {len(secret)} bytes, fewer than "
                f"{SHORTEST}: {_MAKE_ONE}"
            )
        return cls(path, secret)

    def pseudonym(self, tenant: str, person: str) -> str:
        """A person's pseudonym; one that is a pseudonym already is itself."""
        if re.match(FORM, person):
            return person
        digest = self._digest(f"person\x1f{tenant}\x1f{person}")
        return f"p-{base64.b32encode(digest).decode().rstrip('=').lower()}"

    def fingerprint(self, tenant: str) -> str:
        """What tells the key from others, and tells nothing of it."""
        return self._digest(f"key\x1f{tenant}").hex()

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._secret, text.encode(), "sha256")[:16]


def check(connection: Connection, key: PseudonymKey, tenant: str) -> None:
    """Refuses a key that is not the one that the tenant's pseudonyms were made with.

    Raises:
        SettingsError: it is another.
    """
    known = connection.execute(_KNOWN, _names(key, tenant)).fetchone()
    if known is not None and known[0] != key.fingerprint(tenant):
        raise SettingsError(
            f"QBANK_PSEUDONYM_KEY_FILE: the key in {key.path} is not the one that pseudonyms of "
            f"tenant {tenant!r} were made with since {known[1]:%Y-%m-%d}: with it everybody would "
            "be there twice. Use the earlier key, or undo the imports that used it"
        )


def claim(connection: Connection, key: PseudonymKey, tenant: str) -> None:
    """Notes the key as the tenant's, unless people have pseudonyms by another.

    Until the transaction ends the tenant has no other key.

    Raises:
        SettingsError: they have.
    """
    names = _names(key, tenant)
    connection.execute(_FIRST, names)
    # one who brings another key waits, and looks at what is there then; who shared the row first
    # would keep another who does the same from it
    known = connection.execute(_KNOWN, names).fetchone()
    if known is not None and known[0] == names["fingerprint"]:
        connection.execute(f"{_KNOWN} FOR SHARE", names)
    else:
        connection.execute(f"{_KNOWN} FOR UPDATE", names)
        connection.execute(_REPLACE, names)
    check(connection, key, tenant)


def _names(key: PseudonymKey, tenant: str) -> dict[str, str]:
    return {"tenant": tenant, "fingerprint": key.fingerprint(tenant)}
