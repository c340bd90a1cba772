"""Kernels that were kept on disk are those of the sources as they are now."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import calibration

SCORING = """
import numpy as np
from calibration import ItemBank, eap
print(eap(ItemBank([1.0], [0.0]), [0], [0], [1], threads=1).theta[0])
"""
DRAWING = """
import numpy as np
from calibration.cat.population import derived_seed
print(derived_seed(1, 2))
"""
WHERE = "from calibration.compiled import CACHE_FOLDER\nprint(CACHE_FOLDER)"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that a test may edit."""
    copy = tmp_path / "site" / "calibration"
    shutil.copytree(
        Path(calibration.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    return copy


def run(package: Path, code: str, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=package.parent,
        env={**inherited, "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def edit(module: Path, old: str, new: str) -> None:
    """Changes a source, and nothing that a file system tells of it but its bytes."""
    stat, source = module.stat(), module.read_text()
    assert source.count(old) == 1
    assert len(old) == len(new)
    module.write_text(source.replace(old, new))
    os.utime(module, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize(
    ("code", "leaf", "old", "new"),
    [
        (SCORING, "irt/estep.py", "out[q] = base[q]", "out[q] = 0.0    "),
        (DRAWING, "cat/randomness.py", "0x9E3779B97F4A7C15", "0x9E3779B97F4A7C17"),
    ],
)
def test_a_kernel_follows_an_edit_of_what_it_calls(package, code, leaf, old, new):
    before = run(package, code)
    assert run(package, code) == before  # from a warm cache
    edit(package / leaf, old, new)
    changed = run(package, code)
    assert changed != before
    edit(package / leaf, new, old)
    assert run(package, code) == before


def test_the_cache_is_warm_for_the_next_process(package):
    hits = "from calibration.scoring.eap import _score\nprint(*_score.stats.cache_hits.values())"
    assert run(package, SCORING + hits).splitlines()[1:] == []
    assert run(package, SCORING + hits).splitlines()[1:] == ["1"]


def test_an_edit_while_a_process_runs_leaves_no_trace(package):
    late = f"""
from pathlib import Path
import calibration
leaf = Path(calibration.__file__).parent / "irt" / "estep.py"
source = leaf.read_text()
leaf.write_text(source + "# longer")
{SCORING}
leaf.write_text(source)
from calibration.compiled import CACHE_FOLDER
print(len(list(CACHE_FOLDER.iterdir())))
"""
    assert run(package, late).splitlines()[-1] == "0"


def test_where_the_package_cannot_be_written_the_cache_is_the_users(package, tmp_path):
    (package / "__pycache__").write_text("a file: nobody, not even root, makes a folder of it")
    folder = Path(run(package, WHERE, XDG_CACHE_HOME=str(tmp_path / "home")))
    assert folder.parent == tmp_path / "home" / "numba"
    assert run(package, SCORING, XDG_CACHE_HOME=str(tmp_path / "home"))
    assert list(folder.glob("*.nbi"))


def test_without_any_folder_kernels_are_compiled_anew(package, tmp_path):
    (package / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    assert run(package, WHERE, XDG_CACHE_HOME=str(tmp_path / "home")) == "None"
    assert run(package, DRAWING, XDG_CACHE_HOME=str(tmp_path / "home"))


def test_the_folders_of_earlier_sources_are_bounded(package, tmp_path):
    cache = tmp_path / "cache"
    for age in range(20):
        old = cache / f"calibration-{age:020d}"
        old.mkdir(parents=True)
        (old / "kernel.nbi").write_text("")
        os.utime(old, (1_000_000 - age, 1_000_000 - age))
    (cache / "of-others").mkdir()
    mine = Path(run(package, WHERE, NUMBA_CACHE_DIR=str(cache)))
    kept = sorted(path.name for path in cache.iterdir())
    assert kept == sorted(
        [*(f"calibration-{age:020d}" for age in range(7)), mine.name, "of-others"]
    )


def test_a_folder_that_another_process_removed_costs_a_compilation(package):
    code = f"""
import shutil
from calibration.compiled import CACHE_FOLDER
shutil.rmtree(CACHE_FOLDER)
CACHE_FOLDER.write_text("not a folder any more")
{DRAWING}
"""
    assert run(package, code) == run(package, DRAWING)
