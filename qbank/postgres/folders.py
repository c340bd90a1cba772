"""Folders made at run time, with the mode that they are meant to have under any umask.

What never lives here: what is in them.
"""

from __future__ import annotations

import os
from pathlib import Path

from qbank.errors import SettingsError
from qbank.settings import Settings


def make_home(settings: Settings) -> Path:
    """Makes the run-time folder; others may pass through it, not list it.

    Raises:
        SettingsError: the folder cannot be made.
    """
    try:
        settings.home.parent.mkdir(parents=True, exist_ok=True)
        make_folder(settings.home, 0o711)
        for private in ("run", "logs"):
            make_folder(settings.home / private, 0o700)
    except OSError as error:
        raise SettingsError(
            f"QBANK_HOME is {str(settings.home)!r} and cannot be made ({error.strerror}): "
            "name a folder that you may write"
        ) from error
    return settings.home


def make_folder(folder: Path, mode: int) -> None:
    """Makes a folder of this mode, whatever the umask; one that is there stays as it is."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        os.chmod(folder, mode)
