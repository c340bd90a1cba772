"""Great Expectations over profiles of the exams: what is unusual, stored, with Data Docs.

One row per exam, so that one validation judges all of them. The suites are files beside the code,
in Great Expectations' own format. They look at distributions, which neither dbt's tests (rows) nor
the audits (a proposal against what is in force) judge, and they advise: nothing is held up.

What never lives here: reading the database, decisions about publication, Dagster.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qbank.errors import QbankError
from qbank.stores.profiles import Profile

if TYPE_CHECKING:
    import pandas as pd

SUITES = Path(__file__).resolve().parents[1] / "expectations"
KEPT = 30
"""Results and pages that are kept of each suite: a month of nights."""
_RESULTS, _SITE = Path("uncommitted/validations"), Path("uncommitted/data_docs/local_site")


@dataclass(frozen=True)
class Suite:
    """One file of expectations.

    Attributes:
        name: of the profile that it judges, and of its file.
        asset: key of the asset that it is a check of.
        says: what it looks at, in a sentence.
        expectations: as Great Expectations reads them.
    """

    name: Profile
    asset: tuple[str, ...]
    says: str
    expectations: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Unmet:
    """One exam that is not as expected in one respect.

    Attributes:
        figure: columns of the profile.
        observed: their values.
        expected: what they should be.
        means: what it may come from.
    """

    exam_code: str
    figure: str
    observed: str
    expected: str
    means: str

    def __str__(self) -> str:
        return f"{self.exam_code}: {self.figure} is {self.observed}, expected {self.expected}"


@dataclass(frozen=True)
class Validation:
    """What a suite found.

    Attributes:
        exams: how many were judged.
        evaluated: expectations that were judged.
        unmet: those that do not hold, by exam.
        page: in Data Docs, None where there was no exam to judge.
    """

    exams: int
    evaluated: int
    unmet: tuple[Unmet, ...]
    page: Path | None


@lru_cache(maxsize=1)
def suites() -> tuple[Suite, ...]:
    """The suites, by name; Great Expectations is not imported."""
    return tuple(_suite(file) for file in sorted(SUITES.glob("*.json")))


def _suite(file: Path) -> Suite:
    read = json.loads(file.read_text())
    about = read["meta"]
    return Suite(read["name"], tuple(about["asset"]), about["notes"], tuple(read["expectations"]))


def validate(
    profiles: Mapping[Profile, pd.DataFrame], folder: Path, *, run_name: str
) -> dict[Profile, Validation]:
    """Judges profiles by the suites of their names; keeps results and pages in ``folder``.

    Args:
        profiles: a row per exam, with ``exam_code`` and the figures that the suites name.
        folder: where results and Data Docs are kept, the newest of each suite.
        run_name: what the results are kept under, beside the time.

    Raises:
        QbankError: an expectation cannot be judged, e.g. a figure that the profile does not have.
    """
    known = {suite.name: suite for suite in suites()}
    validations = {
        name: Validation(0, len(known[name].expectations), (), None) for name in profiles
    }
    with _context(folder) as context:
        judged = {
            name: _judged(context, known[name], frame, run_name)
            for name, frame in profiles.items()
            if not frame.empty
        }
        for name in judged:
            _forget(folder, name)
        if judged:  # once: each build of the docs makes their index anew
            context.build_data_docs(resource_identifiers=[stored for _, stored in judged.values()])
        for name, (found, stored) in judged.items():
            unmet = tuple(missed for result in found.results for missed in _unmet(result))
            validations[name] = Validation(
                len(profiles[name]), len(found.results), unmet, _page(context, stored)
            )
    return validations


def import_meanwhile() -> None:
    """Imports Great Expectations in a thread, beside what waits for another program."""
    threading.Thread(target=_import, name="import of Great Expectations").start()


def _import() -> Any:
    # takes seconds, and must not phone home
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations

    return great_expectations


@contextmanager
def _context(folder: Path) -> Iterator[Any]:
    """Great Expectations with its stores in a folder, which two runs never write at once."""
    gx = _import()
    from great_expectations.data_context.types import base

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield gx.get_context(
            mode="ephemeral",
            project_config=base.DataContextConfig(
                store_backend_defaults=base.FilesystemStoreBackendDefaults(folder),
                progress_bars=base.ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )


def _judged(context: Any, suite: Suite, frame: pd.DataFrame, run_name: str) -> tuple[Any, Any]:
    """What a suite says of a profile, and what that is stored as."""
    import great_expectations as gx
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    source = context.data_sources.add_or_update_pandas("profiles")
    batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("exams")
    expected = gx.ExpectationSuite(
        name=suite.name, expectations=[*suite.expectations], meta={"notes": suite.says}
    )
    definition = gx.ValidationDefinition(
        name=suite.name, data=batch, suite=context.suites.add_or_update(expected)
    )
    run_id = gx.RunIdentifier(run_name=run_name)
    found = context.validation_definitions.add_or_update(definition).run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["exam_code"],
        },
        run_id=run_id,
    )
    return found, ValidationResultIdentifier(
        ExpectationSuiteIdentifier(suite.name), run_id, found.batch_id
    )


def _page(context: Any, stored: Any) -> Path:
    (site,) = context.get_docs_sites_urls(resource_identifier=stored)
    return Path(site["site_url"].removeprefix("file://"))


def _unmet(result: Any) -> Iterator[Unmet]:
    config = result.expectation_config
    if result.success:
        return
    rows: Sequence[Mapping[str, Any]] | None = result.result.get("unexpected_index_list")
    if rows is None:
        raise QbankError(
            f"{config.type} of {dict(config.kwargs)} cannot be judged: {result.exception_info}"
        )
    for row in rows:
        figures = {name: value for name, value in row.items() if name != "exam_code"}
        yield Unmet(
            row["exam_code"],
            " and ".join(figures),
            " and ".join(f"{value:.4g}" for value in figures.values()),
            _expected(config.kwargs),
            config.meta["notes"],
        )


def _expected(arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is None and high is None:
        return "the same"
    if low is None or high is None:
        return f"at most {high:g}" if low is None else f"at least {low:g}"
    return f"{low:g} to {high:g}"


def _forget(folder: Path, suite: str) -> None:
    """Removes all but the newest results of a suite, and their pages."""
    kept = sorted((folder / _RESULTS / suite).glob("*/*/"), key=lambda result: result.name)
    for old in kept[:-KEPT]:
        page = folder / _SITE / "validations" / suite / old.parent.name / old.name
        for doomed in (old, page):
            shutil.rmtree(doomed, ignore_errors=True)
            if doomed.parent.is_dir() and not any(doomed.parent.iterdir()):
                doomed.parent.rmdir()
