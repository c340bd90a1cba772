"""The manifest is built from the files as they are, whatever times an installer gave them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from dagster_dbt import DbtProject

from qbank.programs import program
from qbank.project_files import project_file
from qbank_orchestration import dbt, dbt_program


@pytest.fixture
def model(monkeypatch, tmp_path):
    """The one model of a project of one's own."""
    for part in ("macros", "dbt_project.yml", "profiles.yml"):
        source = project_file("dbt_qbank") / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (tmp_path / "dbt_qbank" / "models").mkdir(parents=True, exist_ok=True)
        copy(source, tmp_path / "dbt_qbank" / part)
    monkeypatch.setattr(dbt, "project_file", lambda part: tmp_path / part)
    monkeypatch.setenv("QBANK_HOME", str(tmp_path / "home"))
    path = tmp_path / "dbt_qbank" / "models" / "numbers.sql"
    path.write_text("select 1 as n")
    return path


def _code():
    nodes = json.loads(dbt.manifest().read_text())["nodes"]
    return nodes["model.dbt_qbank.numbers"]["raw_code"]


def test_other_files_are_parsed_however_old_they_look_and_the_same_are_not(model):
    assert _code() == "select 1 as n"
    built = dbt.manifest().stat().st_mtime_ns
    model.touch()
    assert dbt.manifest().stat().st_mtime_ns == built
    model.write_text("select 2 as n")
    os.utime(model, (0, 0))  # as an installer that keeps the times of its cache
    assert _code() == "select 2 as n"


def test_the_first_build_need_not_parse_what_was_parsed_beside_a_running_server(
    settings, model, monkeypatch, tmp_path
):
    monkeypatch.setenv("QBANK_HOME", str(settings.home))
    project = DbtProject(tmp_path / "dbt_qbank", target_path=tmp_path / "target")
    project.target_path.mkdir()
    dbt.parse(project)
    with dbt.database_environment():
        monkeypatch.setenv("DBT_PROFILES_DIR", str(project.profiles_dir))
        monkeypatch.setenv("DBT_TARGET_PATH", str(project.target_path))
        said = subprocess.run(
            [program(dbt_program.NAME), "parse", "--project-dir", str(project.project_dir)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    assert "Unable to do partial parsing" not in said
    assert "Found 1 model" in said or "Performance info" in said
