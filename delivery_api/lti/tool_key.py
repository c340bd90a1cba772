"""The tool's own key: signs what goes to platforms, and is published for them to check it.

What never lives here: what is signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from qbank.postgres.roles import generated_secret
from qbank.settings import Settings

ALGORITHM: Final = "RS256"
_BITS: Final = 2048
_MAKE_ONE: Final = "make one with: (umask 077; openssl genrsa -out FILE 3072)"


def read_key(file: Path) -> rsa.RSAPrivateKey:
    """The key in a file that others may not read.

    Raises:
        ValueError: it cannot be used; says what to do.
    """
    try:
        mode, pem = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}): {_MAKE_ONE}") from error
    if mode & 0o077:
        raise ValueError(f"others may read it: chmod 600 {file}")
    return _usable(pem)


class ToolKey:
    """The key, read or made when it is first needed: the first launch pays, no start does.

    Args:
        file: PEM; None: one is made and kept with the other secrets.
        settings: where those are.
    """

    def __init__(self, file: Path | None, settings: Settings) -> None:
        self._file = file
        self._settings = settings
        self._private: rsa.RSAPrivateKey | None = None
        self._reading = threading.Lock()

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT of the tool."""
        private = self._key()
        return jwt.encode(
            dict(claims), private, ALGORITHM, headers={"kid": _thumbprint(_public(private))}
        )

    def published(self) -> dict[str, Any]:
        """The public half, as a JWK set (RFC 7517)."""
        public = _public(self._key())
        return {
            "keys": [public | {"kid": _thumbprint(public), "alg": ALGORITHM, "use": "sig"}],
        }

    def _key(self) -> rsa.RSAPrivateKey:
        with self._reading:
            if self._private is None:
                self._private = (
                    _usable(generated_secret("lti_key", self._settings, _made).encode())
                    if self._file is None
                    else read_key(self._file)
                )
            return self._private


def _public(private: rsa.RSAPrivateKey) -> dict[str, Any]:
    found = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {name: found[name] for name in ("e", "kty", "n")}


def _thumbprint(public: dict[str, Any]) -> str:
    """The key's id: another key has another (RFC 7638)."""
    told = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()).decode().rstrip("=")


def _usable(pem: bytes) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, ValueError) as error:  # TypeError: it wants a password
        raise ValueError(f"holds no private key in PEM without a password: {_MAKE_ONE}") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _BITS:
        raise ValueError(f"holds no RSA key of {_BITS} bits or more: {_MAKE_ONE}")
    return key


def _made() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
