"""Where the programs are that the packages of this installation bring: Dagster's, dbt's.

What never lives here: Postgres' own programs (``qbank.backups.programs``).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from qbank.errors import QbankError


def program(name: str) -> str:
    """The path of an installed program, such as ``dagster-webserver``.

    Never that of another installation on the PATH: beside this Python, else where pip puts the
    programs of this interpreter, or of ``pip install --user``.

    Raises:
        QbankError: it is nowhere.
    """
    folders = [
        Path(sys.executable).parent,
        Path(sysconfig.get_path("scripts")),
        Path(sysconfig.get_path("scripts", f"{os.name}_user")),
    ]
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    raise QbankError(
        f"{folders[0] / name} is missing: install the package that brings {name} beside qbank"
    )
