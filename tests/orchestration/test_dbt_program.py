"""The night's dbt does and says what dbt does and says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from dagster_dbt import DbtCliResource

from qbank.postgres import connect
from qbank.programs import program
from qbank.settings import Settings
from qbank_orchestration import dbt_program
from qbank_orchestration.dbt import Dbt, database_environment

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


def test_the_resource_knows_the_version_that_the_command_says() -> None:
    named = {"project_dir": str(PROJECT), "dbt_executable": program(dbt_program.NAME)}
    assert Dbt(**named)._cli_version == DbtCliResource(**named)._cli_version


def test_every_node_of_a_kept_connection_is_one_transaction(
    settings: Settings, tmp_path: Path
) -> None:
    project = {
        "name": "small",
        "profile": "qbank",
        "flags": {"send_anonymous_usage_stats": False},
        "models": {"+materialized": "table"},
    }
    (tmp_path / "dbt_project.yml").write_text(json.dumps(project))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "first.sql").write_text("select 1 as n")
    # what a hook makes for the transaction is there for the node, and gone after it
    (tmp_path / "models" / "second.sql").write_text(
        """{{ config(pre_hook="create temporary table kept on commit drop as select 2 as n") }}
        select kept.n + first.n as n from pg_temp.kept cross join {{ ref('first') }} as first"""
    )
    # and what a node wrote goes with it when its last hook fails
    (tmp_path / "models" / "third.sql").write_text(
        """{{ config(pre_hook="insert into public.written values (3)", post_hook="select 1 / 0") }}
        select n from {{ ref('second') }}"""
    )
    with connect(settings=settings, autocommit=True) as conn:
        conn.execute("CREATE TABLE public.written (n integer)")
        conn.execute("GRANT ALL ON public.written TO qbank_orchestration")
    with database_environment():
        command = [program(dbt_program.NAME), "--quiet", "run", "--threads", "1"]
        command += ["--project-dir", str(tmp_path), "--profiles-dir", str(PROJECT)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "division by zero" in ended.stdout
    with connect(settings=settings, autocommit=True) as conn:
        assert conn.execute("SELECT n FROM analytics_staging.second").fetchall() == [(3,)]
        assert conn.execute("SELECT n FROM public.written").fetchall() == []
