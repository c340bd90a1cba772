"""dbt on real Postgres: the project parsed once, run in this process against a test's database.

Fixtures:
    dbt: runs dbt commands on the test's database.
    bank: writes content, quizzes and answers into an empty migrated database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt_common.events.base_types import EventMsg

from qbank.postgres import connect, libpq_environment
from qbank.settings import Settings
from qbank_orchestration import dbt_program, dbt_templates
from tests.dbt.writing import Bank

PROJECT = Path(__file__).resolve().parents[2] / "dbt_qbank"


class Dbt:
    """dbt commands on one database; a command that fails raises unless told otherwise.

    Attributes:
        said: what models and tests wrote to the log.
    """

    def __init__(self, settings: Settings, manifest: Manifest, work: Path) -> None:
        self._settings = settings
        _point_at(manifest, settings.database)
        self._manifest = manifest
        self._runner = dbtRunner(manifest=manifest, callbacks=[self._hear])
        self._work = work
        self.said: list[str] = []

    def __call__(self, *command: str, fails: bool = False) -> dict[str, str]:
        """Runs it and gives statuses by node name (success, pass, warn, fail, error, skipped)."""
        result = self._invoke(*command)
        if result.exception:
            raise result.exception
        statuses = {
            run.node.name: str(run.status)
            for run in result.result.results
            if run.node.resource_type != NodeType.Operation  # hooks of the run
        }
        if result.success == fails:
            messages = [f"{r.node.name}: {r.message}" for r in result.result.results if r.message]
            raise AssertionError(f"dbt {' '.join(command)}: {statuses}\n" + "\n".join(messages))
        return statuses

    def models(self, *selection: str, full_refresh: bool = False, as_of: str | None = None) -> None:
        """Runs the models alone; ``as_of`` is the moment that windows are measured from."""
        command = ["run", *(["--select", *selection] if selection else [])]
        command += ["--full-refresh"] if full_refresh else []
        command += ["--vars", f"{{as_of: '{as_of}'}}"] if as_of else []
        self(*command)

    def grain(self, model: str) -> list[str]:
        """The columns that the standing comparison tells a model's rows apart by."""
        for node in self._manifest.nodes.values():
            if node.name == f"{model}_equals_a_full_build":
                return node.test_metadata.kwargs["row"]
        raise LookupError(model)

    def _hear(self, event: EventMsg) -> None:
        if event.info.name == "JinjaLogInfo":
            self.said.append(event.info.msg)

    def _invoke(self, *command: str) -> dbtRunnerResult:
        environment = libpq_environment("orchestration", self._settings)
        previous = {name: os.environ.get(name) for name in environment}
        os.environ |= environment
        try:
            with dbt_templates.kept():  # as a night's builds do
                return self._runner.invoke([*command, *_options(self._work)])
        finally:
            for name, value in previous.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _point_at(manifest: Manifest, database: str) -> None:
    """A parsed project names its database in every node; each test has one of its own."""
    for node in [*manifest.nodes.values(), *manifest.sources.values()]:
        if getattr(node, "relation_name", None):
            node.relation_name = node.relation_name.replace(
                f'"{node.database}"', f'"{database}"', 1
            )
        node.database = database


def _options(work: Path) -> list[str]:
    return [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(work), "--log-path", str(work), "--quiet"),
        # as a night's builds do
        *("--no-write-json", "--log-level-file", "info"),
    ]


@pytest.fixture(scope="session")
def dbt_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def manifest(dbt_work: Path) -> Manifest:
    dbt_program.prepare()
    with dbt_templates.kept():
        result = dbtRunner().invoke(["parse", *_options(dbt_work)])
    if result.exception:
        raise result.exception
    return result.result


@pytest.fixture
def dbt(settings: Settings, manifest: Manifest, dbt_work: Path) -> Dbt:
    return Dbt(settings, manifest, dbt_work)


@pytest.fixture
def owner(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    with connect(settings=settings, autocommit=True) as connection:
        yield connection


@pytest.fixture
def bank(owner: psycopg.Connection[Any]) -> Bank:
    return Bank(owner)
