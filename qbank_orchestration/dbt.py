"""The dbt project as assets: what the night needs first, and what reads its results.

What never lives here: SQL, and the definition of any number.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
)
from packaging.version import Version

from qbank import postgres
from qbank.errors import QbankError
from qbank.postgres import embedded
from qbank.programs import program
from qbank.project_files import project_file
from qbank.settings import get_settings
from qbank_orchestration import dbt_program, dbt_templates
from qbank_orchestration.settings import orchestration_settings

_PARSED = "partial_parse.msgpack"
_KEPT = (_PARSED, dbt_templates.NAME)

# Tables that dbt reads as sources and assets of ours write: one key, so that lineage is closed.
_WRITTEN_BY_ASSETS = {
    "item_calibration": "item_parameters",
    "item_exposure_control": "item_exposure_control",
    "item_examinations": "item_fairness",
    "item_fairness": "item_fairness",
    "item_fit": "item_fit",
}


def project() -> DbtProject:
    """The dbt project, its artifacts kept in the home folder.

    Raises:
        SettingsError: this installation carries no dbt project.
    """
    return DbtProject(project_file("dbt_qbank"), target_path=get_settings().home.resolve() / "dbt")


@contextmanager
def database_environment() -> Iterator[None]:
    """Lets dbt find the database as the orchestration role, by libpq's variables."""
    ours = postgres.libpq_environment("orchestration") | {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def artifacts(run_id: str, *, keep_parsed: bool) -> Iterator[Path]:
    """A folder for one dbt run's artifacts, which goes when the run succeeds.

    The parsed project and the compiled templates stay behind for the next run. dbt parses anew
    where the profile is another one, and the manifest is built without a database. A run with
    variables of its own leaves no parsed project, for dbt parses anew where they are others, too.
    """
    kept = project().target_path
    target = kept / f"run-{run_id}"
    target.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        with suppress(FileNotFoundError):
            shutil.copy(kept / name, target / name)
    yield target
    for name in _KEPT:
        if (keep_parsed or name != _PARSED) and (target / name).exists():
            (target / name).replace(kept / name)
    shutil.rmtree(target, ignore_errors=True)


def manifest() -> Path:
    """The manifest, built when it is missing or of another project; needs no database.

    Raises:
        QbankError: it is missing where rebuilding is switched off, or dbt cannot parse the project.
    """
    dbt = project()
    if not orchestration_settings().rebuild_manifest:
        if not dbt.manifest_path.exists():
            raise QbankError(
                f"{dbt.manifest_path} is missing and QBANK_REBUILD_MANIFEST is off:"
                " build it with `qbank manifest`"
            )
        return dbt.manifest_path
    dbt.manifest_path.parent.mkdir(parents=True, exist_ok=True)
    with (dbt.manifest_path.parent / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # webserver, daemon and workers import at once
        if not dbt.manifest_path.exists() or _read(_sources_path(dbt)) != _sources(dbt):
            parse(dbt)
    return dbt.manifest_path


def parse(dbt: DbtProject) -> None:
    """Builds the manifest anew.

    Raises:
        QbankError: dbt cannot parse the project; its own words are in the message.
    """
    sources = _sources(dbt)  # before: what is edited meanwhile is parsed again
    settings = get_settings()
    # of the server that runs already, for which the first night need not parse again
    known = settings.database_url is None and embedded.is_running(settings)
    with database_environment() if known else nullcontext():
        done = _run(dbt, dbt.target_path, "--quiet", "parse", capture_output=True)
    if done.returncode != 0:
        raise QbankError(f"dbt cannot parse {dbt.project_dir}:\n{done.stdout}{done.stderr}")
    _sources_path(dbt).write_text(sources)


def by_hand(arguments: Sequence[str]) -> int:
    """Runs a dbt command on the project, as the orchestration role; gives its exit code.

    Its artifacts lie apart from those of the nights, so that neither parses anew for the other.

    Raises:
        QbankError: there is no dbt command.
    """
    if not arguments or arguments[0].startswith("-"):
        raise QbankError("which dbt command? For example: qbank dbt build --select topic_mastery+")
    dbt = project()
    with database_environment():
        return _run(dbt, dbt.target_path / "by-hand", *arguments).returncode


def _run(
    dbt: DbtProject, target: Path, *arguments: str, capture_output: bool = False
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_PROJECT_DIR": str(dbt.project_dir),
        "DBT_PROFILES_DIR": str(dbt.profiles_dir),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    command = [program(dbt_program.NAME), *arguments]
    return subprocess.run(command, env=environment, capture_output=capture_output, text=True)  # noqa: S603


def _sources_path(dbt: DbtProject) -> Path:
    return dbt.manifest_path.with_suffix(".sources")


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _sources(dbt: DbtProject) -> str:
    """What a manifest was built from: the project's place and a hash over its files.

    Times tell nothing where an installer keeps those of its cache.
    """
    digest = hashlib.sha256(str(dbt.project_dir).encode())
    files = (
        file
        for folder in ("models", "macros", "tests")
        for file in sorted((dbt.project_dir / folder).rglob("*.*"))
        if file.is_file()
    )
    for file in (*files, dbt.project_dir / "dbt_project.yml"):
        digest.update(str(file.relative_to(dbt.project_dir)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


class Dbt(DbtCliResource):
    """dbt's command, which is dbt Core of this environment.

    Dagster's own asks the command for its version and reads the project's macros in this process,
    too, before each build: as long as a small build itself. Nothing here asks the adapter that
    comes of it, see ``metadata.marts``.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]  # its caller takes None, as of other engines
        return None


class Translator(DagsterDbtTranslator):
    """Names dbt's models as assets: key by schema and name, group by folder, owner by meta."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                enable_asset_checks=True,
                enable_duplicate_source_asset_keys=True,
                enable_source_tests_as_checks=True,
            )
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Sources that our assets write carry those assets' keys."""
        if dbt_resource_props["resource_type"] == "source":
            written = _WRITTEN_BY_ASSETS.get(dbt_resource_props["name"])
            return dg.AssetKey(written or ["raw", dbt_resource_props["name"]])
        if dbt_resource_props["resource_type"] == "model":
            return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The first folder: staging, intermediate or marts."""
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Marts belong to the analysts who read them, the rest to data engineering."""
        return ["team:analytics" if dbt_resource_props["fqn"][1] == "marts" else "team:data"]
