"""What the wheels carry, and that the science needs nothing of the rest."""

from __future__ import annotations

import json
import subprocess
import zipfile
from email.parser import Parser

import pytest
from packaging.requirements import Requirement

import calibration
from tests.package.conftest import ROOT

_CARRIED = (
    "sql",
    "events",
    "dbt_qbank",
    "deploy/dagster",
    "looker",
    "metabase/content",
    "workspace.yaml",
)


@pytest.fixture(scope="module")
def contents(wheels):
    """Names of the files in each wheel, by distribution."""
    return {
        path.name.split("-")[0]: set(zipfile.ZipFile(path).namelist())
        for path in wheels.glob("*.whl")
    }


def _files(*parts):
    """The checkout's own files there, those that Git is yet to hear of too."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *parts]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split() if (ROOT / name).exists()}


def _metadata(wheels, name):
    (path,) = wheels.glob(f"{name}-[0-9]*.whl")
    with zipfile.ZipFile(path) as wheel:
        (found,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(found).decode())


def test_no_wheel_takes_a_name_that_another_may_want(contents):
    tops = {
        name: {file.split("/")[0] for file in files if ".dist-info/" not in file}
        for name, files in contents.items()
    }
    assert tops == {
        "qbank": {
            "qbank", "qbank_orchestration", "delivery_api", "qbank_console", "qbank_metabase",
        },
        "qbank_calibration": {"calibration"},
    }  # fmt: skip


def test_the_files_that_are_no_python_are_all_there(contents):
    files = _files(*_CARRIED)
    assert len(files) > 200
    carried = {name for name in contents["qbank"] if name.startswith("qbank/_project/")}
    assert carried == {f"qbank/_project/{name}" for name in files}


def test_every_package_is_typed_and_brings_its_own_files(contents):
    for files in contents.values():
        for top in {file.split("/")[0] for file in files if file.endswith("/__init__.py")}:
            assert f"{top}/py.typed" in files
    own = _files(
        "qbank/sinking/schema",
        "qbank_console/.streamlit",
        "qbank_console/assets",
        "qbank_orchestration/expectations",
    )
    assert own <= contents["qbank"]


def test_both_carry_one_version_and_need_each_other_at_it(wheels):
    platform, science = (_metadata(wheels, name) for name in ("qbank", "qbank_calibration"))
    assert platform["Version"] == science["Version"] == calibration.__version__
    needed = [Requirement(text) for text in platform.get_all("Requires-Dist")]
    (pin,) = (need for need in needed if need.name == "qbank-calibration")
    assert pin.specifier.contains(science["Version"])
    major, minor, _ = science["Version"].split(".")
    assert not pin.specifier.contains(f"{major}.{int(minor) + 1}.0")
    extras = {"console", "events", "kubernetes", "lineage", "telemetry"}
    assert set(platform.get_all("Provides-Extra")) == extras


_IMPORT = """
import json, sys
import calibration as cal
from numba.core.dispatcher import Dispatcher
modules = [m for n, m in sys.modules.items() if n.startswith("calibration")]
compiled = [d.__name__ for m in modules for d in vars(m).values()
            if isinstance(d, Dispatcher) and d.overloads]
print(json.dumps([cal.__file__, compiled, sorted(sys.modules)]))
"""


def test_the_science_stands_alone_and_comes_quickly(environment, tmp_path):
    python = environment("qbank-calibration") / "bin" / "python"
    done = subprocess.run(
        [python, "-c", _IMPORT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    path, compiled, modules = json.loads(done.stdout)
    assert path.startswith(str(python.parents[1]))
    assert compiled == []
    # each of these takes longer than all that is needed
    assert not {"scipy.stats", "pandas", "qbank"} & set(modules)
    installed = {
        path.name.split("-")[0]
        for path in python.parents[1].glob("lib/*/site-packages/*.dist-info")
    }
    assert installed == {"numpy", "numba", "llvmlite", "scipy", "qbank_calibration"}
