"""The code of the examples runs from the top of a page to its end, and prints what is shown."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs_site.links import ROOT
from qbank.settings import Settings

EXAMPLES = ROOT / "docs" / "examples"
LIBRARY = ("fit-lsat7.md", "certificate.md")
PLATFORM = ("read-a-mart.md",)
_BLOCK = re.compile(r"```(python|bash|text)\n(.*?)```", re.S)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def steps(page: str) -> list[tuple[str, str, str]]:
    """Each block of a page: its language, its code, and the output that is shown below it."""
    found: list[tuple[str, str, str]] = []
    for kind, text in _BLOCK.findall((EXAMPLES / page).read_text()):
        if kind == "text":
            found[-1] = (*found[-1][:2], text)
        else:
            found.append((kind, text, ""))
    return found


def differs(printed: str, shown: str) -> str:
    """Where two outputs differ by more than one unit of a shown number's last digit."""
    if _NUMBER.sub("#", printed).split() != _NUMBER.sub("#", shown).split():
        return printed
    for one, other in zip(_NUMBER.findall(printed), _NUMBER.findall(shown), strict=True):
        unit = 10.0 ** -len(other.partition(".")[2]) if "." in other else 0.0
        if abs(float(one) - float(other)) > 1.001 * unit:
            return printed
    return ""


def run(page: str) -> None:
    """Executes the blocks of a page, those in Python as one program."""
    names: dict[str, object] = {}
    for number, (kind, code, shown) in enumerate(steps(page), 1):
        if kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(code, f"{page}, block {number}", "exec"), names)  # noqa: S102
            printed = output.getvalue()
        else:
            printed = typed(code)
        # what is not shown is not compared; a block that shows nothing may still say something
        assert (kind == "bash" and not shown) or not differs(printed, shown), (
            f"{page}, block {number} printed:\n{printed}"
        )


def typed(code: str) -> str:
    """What commands of a shell print, with the programs of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", code],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", LIBRARY)
def test_an_example_of_the_library(page: str):
    assert len(steps(page)) >= 5
    run(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", PLATFORM)
def test_an_example_of_the_platform(
    page: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run(page)


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.md")} == {"README.md", *LIBRARY, *PLATFORM}


def test_outputs_are_compared():
    assert differs("rate 0.257, of 3", "rate 0.258, of 3") == ""
    assert differs("rate 0.257, of 3", "rate 0.259, of 3")
    assert differs("rate 0.257, of 3", "rate 0.257, of 4")
    assert differs("share 0.257", "rate 0.257")
