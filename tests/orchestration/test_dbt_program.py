"""The night's dbt says what dbt says, at every level of its log."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from qbank.programs import program
from qbank_orchestration import dbt_program

PROJECT = Path(__file__).resolve().parents[2] / "dbt_qbank"


def events(name: str, level: str, folder: Path) -> list[tuple[str, str]]:
    """Level and name of what a short command of the program writes to its log file."""
    command = [program(name), "--quiet", "debug", "--config-dir", "--log-format-file", "json"]
    command += ["--log-level-file", level, "--log-path", str(folder)]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    subprocess.run(command, env=os.environ | {"PGHOST": "127.0.0.1"}, check=True)
    written = [json.loads(line)["info"] for line in (folder / "dbt.log").read_text().splitlines()]
    return [(event["level"], event["name"]) for event in written]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_log_holds_what_dbt_writes_to_it(level: str, tmp_path: Path) -> None:
    ours = events(dbt_program.NAME, level, tmp_path / "ours")

    assert ours == events("dbt", level, tmp_path / "theirs")
    assert ours
    assert ("debug" in {event[0] for event in ours}) == (level == "debug")
