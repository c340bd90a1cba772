"""What the repository tells its visitors: how to cite it, how to report, what CI runs."""

from __future__ import annotations

import re
import subprocess
import tomllib
import warnings
from pathlib import Path

import pytest
import yaml

import calibration
from tests.e2e.processes import tool

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("citation-file-format", "CITATION.cff"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("github-workflows", ".github/workflows/*.yml"),
    ],
)
def test_files_are_what_their_readers_expect(schema: str, files: str) -> None:
    paths = [str(path) for path in ROOT.glob(files)]
    assert paths
    command = [tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == calibration.__version__


def test_types_are_checked_strictly_in_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages >= {"calibration", "qbank", "qbank_orchestration", "delivery_api", "bench"}
    assert settings["strict"]
    assert set(settings["packages"]) == packages - {"tests"}


def test_only_others_code_may_use_what_is_deprecated() -> None:
    def warned(module: str) -> None:
        warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, module=module)

    for room in ("calibration.irt", "qbank.cli", "qbank_console.app", "delivery_api", "dictionary"):
        with pytest.raises(DeprecationWarning):
            warned(room)
    with pytest.warns(DeprecationWarning, match="old"):
        warned("pandas.core")


def test_ci_runs_actions_of_one_commit_only() -> None:
    used = [
        line.split("uses:")[1].strip()
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert used
    for action in used:
        assert re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", action), action
