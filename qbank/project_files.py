"""Where the files are that are no Python: migrations, the dbt project, Dagster's files, BI content.

They lie at the top of a checkout. A wheel carries them inside this package: `pyproject.toml` says
which. They belong to the code, so nothing but the place of the code decides which are read.
"""

from __future__ import annotations

from pathlib import Path

from qbank.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent
_CARRIED = _PACKAGE / "_project"


def checkout() -> Path | None:
    """The checkout that holds this package; None where qbank is installed from a wheel."""
    above = _PACKAGE.parent
    return above if (above / "sql").is_dir() and (above / "pyproject.toml").is_file() else None


def project_file(part: str) -> Path:
    """A file or folder of the project; it may be read, never written.

    Args:
        part: its path as in a checkout, such as ``dbt_qbank``.

    Raises:
        SettingsError: this installation has no such file.
    """
    found = (checkout() or _CARRIED) / part
    if not found.exists():
        raise SettingsError(
            f"{found} is missing from this installation of qbank: install a wheel that "
            "`uv build` made, or run qbank from a checkout"
        )
    return found


def migrations_folder() -> Path:
    """The folder of the migrations' SQL; who only names them need not import what applies them.

    Raises:
        SettingsError: this installation has none.
    """
    return project_file("sql")
