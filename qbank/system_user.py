"""Who runs this process, as histories and requests name them."""

from __future__ import annotations

import getpass


def system_user(otherwise: str = "unknown") -> str:
    """The user's name; a container may run under a bare number, which has none.

    Args:
        otherwise: what is said then.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        return otherwise
