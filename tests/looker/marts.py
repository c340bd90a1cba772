"""The marts on the demo data, built once a run, for every room that reads them.

Fixtures:
    marts: settings of a database with the demo data and all marts. Read only.
    analyst: a connection to it as the role that Looker and Metabase sign in with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qbank.postgres import connect, libpq_environment
from qbank.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def marts(clone_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with clone_database("demo") as settings:
        work = tmp_path_factory.mktemp("dbt")
        command = [str(Path(sys.executable).with_name("dbt")), "run", "--quiet"]
        command += ["--project-dir", "dbt_qbank", "--profiles-dir", "dbt_qbank"]
        command += ["--target-path", str(work), "--log-path", str(work)]
        environment = os.environ | libpq_environment("orchestration", settings)
        run = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=280
        )
        assert run.returncode == 0, run.stdout + run.stderr
        yield settings


@pytest.fixture
def analyst(marts: Settings) -> Iterator[psycopg.Connection]:
    with connect("analyst", settings=marts, autocommit=True) as connection:
        yield connection
