"""The four roles that connect, their user names and their passwords.

Generated secrets live in ``home/secrets`` (mode 0600), never in code, logs or the database's own
tables in the clear. What never lives here: grants (``sql/``).
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from qbank.errors import SettingsError
from qbank.postgres.folders import make_home
from qbank.settings import Settings

Role = Literal["owner", "delivery", "orchestration", "analyst"]
ROLES: tuple[Role, ...] = get_args(Role)
LEAST_PRIVILEGE: tuple[Role, ...] = ("delivery", "orchestration", "analyst")


def user_name(role: Role) -> str:
    """The database user of a role; the embedded server's owner is ``qbank``.

    Raises:
        SettingsError: there is no such role.
    """
    if role not in ROLES:
        raise SettingsError(f"role {role!r} is unknown: use one of {', '.join(ROLES)}")
    return "qbank" if role == "owner" else f"qbank_{role}"


def password(role: Role, settings: Settings) -> str:
    """The password of a role: the one in the settings, else a generated one that is kept."""
    configured = None if role == "owner" else getattr(settings, f"{role}_password")
    if configured is not None:
        return str(configured.get_secret_value())
    return generated_secret(user_name(role), settings)


def _random() -> str:
    return secrets.token_urlsafe(32)


def generated_secret(name: str, settings: Settings, make: Callable[[], str] = _random) -> str:
    """A secret, random and of 256 bits, made at its first use and kept in ``home/secrets``.

    Two processes that ask at once get the same one.

    Args:
        name: what it is kept as.
        settings: where the home is.
        make: makes another kind of secret, such as a private key.
    """
    path = make_home(settings) / "secrets"
    known = _read(path)
    if name in known:
        return known[name]
    with (settings.home / "run" / "secrets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read(path)
        if name not in known:
            known[name] = make()
            _write(path, known)
    return known[name]


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise SettingsError(
            f"{path} is not the JSON that qbank wrote: restore it, or remove it together with "
            "the embedded database (qbank db drop-embedded)"
        ) from error


def _write(path: Path, known: dict[str, str]) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(known, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
