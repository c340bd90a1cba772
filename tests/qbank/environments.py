"""Environments in folders of their own: what an install leaves there, without installing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import qbank
from qbank.postgres.installation import PACKAGE, bundled_installation

_NOT_NEEDED = shutil.ignore_patterns("pginstall", "pgxs", "include", "__pycache__")


def make_environment(folder: Path) -> Path:
    """Copies the embedded server's package into a folder for ``sys.path``, as pip lays it out."""
    package = bundled_installation().parent
    shutil.copytree(package, folder / PACKAGE, ignore=_NOT_NEEDED)
    libraries = f"{PACKAGE}.libs"
    shutil.copytree(package.parent / libraries, folder / libraries)
    return folder


def make_private(folder: Path) -> None:
    """Takes every right of others away, as an install under umask 077 does."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)


def make_installation(folder: Path) -> Path:
    """An install of the core outside any checkout: our package, and those that it imports."""
    code = "import sys, qbank.postgres; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    make_environment(folder)
    packages = bundled_installation().parents[1]
    for name in {module.split(".")[0] for module in done.stdout.split()} | {"psycopg_binary"}:
        if (packages / name).is_dir():
            shutil.copytree(packages / name, folder / name, dirs_exist_ok=True)
        elif single := next(packages.glob(f"{name}.*"), None):
            shutil.copy2(single, folder)
    for libraries in packages.glob("psycopg_binary.libs"):
        shutil.copytree(libraries, folder / libraries.name)
    ours = Path(qbank.__file__).parent
    shutil.copytree(ours, folder / "qbank", ignore=shutil.ignore_patterns("__pycache__"))
    return folder
