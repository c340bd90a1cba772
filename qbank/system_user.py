"""Who does something, as histories and requests name them: who runs this process, who imports."""

from __future__ import annotations

import getpass
from typing import Final

_IMPORTED: Final = "import:"
_RESCORED: Final = "rescore:"
SIGNED: Final = (_IMPORTED, _RESCORED)
"""What stands before a name where it was not by hand."""


def system_user(otherwise: str = "unknown") -> str:
    """The user's name; a container may run under a bare number, which has none.

    Args:
        otherwise: what is said then.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        return otherwise


def importer(user: str | None = None) -> str:
    """How what a user imports is signed; who runs this process where None."""
    return f"{_IMPORTED}{user or system_user()}"


def rescorer(user: str | None = None) -> str:
    """How what a user's rescore changes is signed; who runs this process where None."""
    return f"{_RESCORED}{user or system_user()}"


def person_of(actor: str) -> str:
    """Who it was, whether by hand, by an import or by a rescore."""
    for sign in SIGNED:
        if actor.startswith(sign):
            return actor.removeprefix(sign)
    return actor
