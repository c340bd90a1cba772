"""The two wheels, built once, and an environment outside the checkout that has them.

Fixtures:
    wheels: the folder that holds both, built by `make wheels`.
    environment: makes a virtual environment from some of them, with the versions of `uv.lock`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qbank.project_files import checkout

ROOT = checkout()
UV = str(Path(sys.executable).parent / "uv")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _run("make", "--silent", "wheels", f"DIST={folder}")
    return folder


@pytest.fixture(scope="session")
def constraints(tmp_path_factory) -> Path:
    """The lock's versions: what CI has tried, and what uv has in its cache."""
    path = tmp_path_factory.mktemp("lock") / "constraints.txt"
    _uv("export", "--quiet", "--frozen", "--all-extras", "--no-hashes", "--no-emit-workspace",
        "--output-file", path)  # fmt: skip
    return path


@pytest.fixture(scope="session")
def environment(wheels, constraints) -> Iterator[Callable[..., Path]]:
    """Call it with the names of the wheels; it gives the environment's folder, which goes."""
    made: list[Path] = []

    def make(*names: str) -> Path:
        above = Path(tempfile.mkdtemp(prefix="qbank installed "))
        above.chmod(0o755)
        made.append(above)
        files = [next(wheels.glob(f"{name.replace('-', '_')}-[0-9]*.whl")) for name in names]
        _uv("venv", "--quiet", "--python", _interpreter(), above / "env")
        _uv("pip", "install", "--quiet", "--python", above / "env", "--constraint", constraints,
            *files)  # fmt: skip
        return above / "env"

    yield make
    for folder in made:
        shutil.rmtree(folder)


def _uv(*arguments: str | Path) -> None:
    _run(UV, *map(str, arguments))


def _run(*command: str) -> None:
    # not the environment that the tests run in
    variables = {n: v for n, v in os.environ.items() if n != "UV_PROJECT_ENVIRONMENT"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _interpreter() -> str:
    """A Python of this version that other users may run, too: root's own may lie in its home."""
    found = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    return found or sys._base_executable
