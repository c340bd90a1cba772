"""Pseudonyms of people: a name that whoever has the key can make again, and nobody else.

A pseudonym is HMAC-SHA-256 (RFC 2104) of tenant and id under the tenant's key, so a person has the
same one in every file, and another one in another tenant. The key is not stored; what is, its
fingerprint, tells whether the next one is the same. By a key that follows another the pseudonym is
that of the pseudonym before, so that nobody's id is needed to change it: the earlier keys are
stored, sealed by the one in force (AES-GCM under a key derived by HKDF, RFC 5869).
What never lives here: files of responses, and changing what is stored (``qbank.people.rekeying``).
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

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
_KNOWN = """
SELECT fingerprint, coalesce(changed_at, created_at), earlier FROM pseudonym_keys
WHERE tenant_id = %(tenant)s
"""
_NONCE: Final = 12
# a tenant that has nobody by a pseudonym takes any key
_REPLACE = """
UPDATE pseudonym_keys AS k
SET fingerprint = %(fingerprint)s, created_at = now(), earlier = NULL, changed_at = NULL
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
    _earlier: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, settings: Settings) -> PseudonymKey:
        """The key in the file that ``QBANK_PSEUDONYM_KEY_FILE`` names, see :meth:`read`.

        Raises:
            SettingsError: no file is named, or it cannot be used.
        """
        path = settings.pseudonym_key_file
        if path is None:
            raise SettingsError(
                f"QBANK_PSEUDONYM_KEY_FILE names no file of the key for pseudonyms: {_MAKE_ONE}"
            )
        return cls.read(path, "QBANK_PSEUDONYM_KEY_FILE")

    @classmethod
    def read(cls, path: Path, told_by: str) -> PseudonymKey:
        """The key in a file.

        Args:
            path: of the file.
            told_by: the setting or option that names it, for messages.

        Raises:
            SettingsError: it cannot be read, others may read it, or it holds no key.
        """
        try:
            mode, secret = path.stat().st_mode, path.read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"{told_by}: {path} cannot be read ({error.strerror})") from error
        if mode & 0o077:
            raise SettingsError(f"{told_by}: others may read {path}: chmod 600 {path}")
        if len(secret) < SHORTEST:
            raise SettingsError(
                f"{told_by}: {path} holds {len(secret)} bytes, fewer than {SHORTEST}: {_MAKE_ONE}"
            )
        return cls(path, secret)

    def pseudonym(self, tenant: str, person: str) -> str:
        """A person's pseudonym; one that is a pseudonym already is itself."""
        if re.match(FORM, person):
            return person
        for secret in (*self._earlier, self._secret):
            person = _named(secret, tenant, person)
        return person

    def follows(self, tenant: str, pseudonym: str) -> str:
        """The pseudonym by this key of whom the key before it called `pseudonym`."""
        return _named(self._secret, tenant, pseudonym)

    def fingerprint(self, tenant: str) -> str:
        """What tells the key from others, and tells nothing of it."""
        return _digest(self._secret, f"key\x1f{tenant}").hex()

    def sealing(self, tenant: str, before: PseudonymKey) -> bytes:
        """The keys before this one, for nobody who has not this one."""
        keys = [base64.b64encode(key).decode() for key in (*before._earlier, before._secret)]
        nonce = os.urandom(_NONCE)
        sealed = self._seal(tenant).encrypt(nonce, json.dumps(keys).encode(), tenant.encode())
        return bytes(nonce + sealed)

    def with_earlier(self, tenant: str, sealed: bytes | None) -> PseudonymKey:
        """The same key with those before it, as :meth:`sealing` gave them; None: there are none."""
        if sealed is None:
            return replace(self, _earlier=())
        data = bytes(sealed)
        keys = json.loads(self._seal(tenant).decrypt(data[:_NONCE], data[_NONCE:], tenant.encode()))
        return replace(self, _earlier=tuple(base64.b64decode(key) for key in keys))

    def _seal(self, tenant: str) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(SHA256(), 32, salt=None, info=f"earlier keys\x1f{tenant}".encode())
        return AESGCM(derived.derive(self._secret))


def by_chance() -> str:
    """A pseudonym that is made of nothing, for who is known by a row that names the person."""
    return _worded(os.urandom(16))


def _digest(secret: bytes, text: str) -> bytes:
    return hmac.digest(secret, text.encode(), "sha256")[:16]


def _named(secret: bytes, tenant: str, person: str) -> str:
    return _worded(_digest(secret, f"person\x1f{tenant}\x1f{person}"))


def _worded(digest: bytes) -> str:
    return f"p-{base64.b32encode(digest).decode().rstrip('=').lower()}"


def check(connection: Connection, key: PseudonymKey, tenant: str) -> PseudonymKey:
    """Refuses a key that is not the one that the tenant's pseudonyms were made with.

    Returns:
        The key with those before it.

    Raises:
        SettingsError: it is another.
    """
    known = connection.execute(_KNOWN, _names(key, tenant)).fetchone()
    if known is not None and known[0] != key.fingerprint(tenant):
        raise SettingsError(
            f"QBANK_PSEUDONYM_KEY_FILE: the key in {key.path} is not the one that pseudonyms of "
            f"tenant {tenant!r} were made with since {known[1]:%Y-%m-%d}: with it everybody would "
            "be there twice. Use that key, change it with qbank person rekey, or undo the imports "
            "that used it"
        )
    return key.with_earlier(tenant, None if known is None else known[2])


def claim(connection: Connection, key: PseudonymKey, tenant: str) -> PseudonymKey:
    """Notes the key as the tenant's, unless people have pseudonyms by another.

    Until the transaction ends the tenant has no other key.

    Returns:
        The key with those before it.

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
    return check(connection, key, tenant)


def _names(key: PseudonymKey, tenant: str) -> dict[str, str]:
    return {"tenant": tenant, "fingerprint": key.fingerprint(tenant)}
