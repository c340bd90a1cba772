"""Great Expectations as checks: all exams' profiles, judged at once when the results are built."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from qbank.settings import get_settings
from qbank.stores import profiles
from qbank_orchestration.engine import expectations
from qbank_orchestration.engine.expectations import Suite, Validation
from qbank_orchestration.metadata.tables import table
from qbank_orchestration.resources import Database
from qbank_orchestration.settings import orchestration_settings

if TYPE_CHECKING:
    import pandas as pd

CHECKS = {
    dg.AssetCheckKey(dg.AssetKey(suite.asset), f"{suite.name}_as_expected"): suite
    for suite in expectations.suites()
}
SELECTION = dg.AssetSelection.checks(*CHECKS)
"""One import of Great Expectations, and one validation, a build of the results."""


@dg.multi_asset_check(
    name="expectations",
    specs=[
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description=f"{suite.says} Advice.")
        for key, suite in CHECKS.items()
    ],
    can_subset=True,
    description="Great Expectations suites on all exams' profiles; results and Data Docs are kept.",
)
def profile_expectations(
    context: dg.AssetCheckExecutionContext, database: Database
) -> Iterator[dg.AssetCheckResult]:
    """Warns of exams whose answers, sessions, items or proposals are out of the ordinary."""
    chosen = {key: CHECKS[key] for key in CHECKS if key in context.selected_asset_check_keys}
    with database.connect() as conn:
        frames = {suite.name: profiles.of_exams(conn, suite.name) for suite in chosen.values()}
    folder = get_settings().home.resolve() / "expectations"
    found = expectations.validate(frames, folder, run_name=context.run.run_id)
    for key, suite in chosen.items():
        yield _result(key, suite, frames[suite.name], found[suite.name])


def _result(
    key: dg.AssetCheckKey, suite: Suite, frame: "pd.DataFrame", found: Validation
) -> dg.AssetCheckResult:
    metadata: dict[str, int | str | dg.MetadataValue[Any]] = {
        "exams": found.exams,
        "expectations": found.evaluated,
        "unmet": len(found.unmet),
        "suite": f"qbank_orchestration/expectations/{suite.name}.json",
    }
    if found.page is not None:
        metadata |= {"data_docs": _link(found.page), "figures": _table(frame.round(4))}
    if found.unmet:
        import pandas as pd

        metadata["unmet_by_exam"] = _table(pd.DataFrame([vars(unmet) for unmet in found.unmet]))
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not found.unmet,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(str, found.unmet))
        or f"{found.evaluated} expectations hold in {found.exams} exams",
        metadata=metadata,
    )


def _link(page: Path) -> dg.MetadataValue:
    """The page where Data Docs are served, else its file."""
    served = orchestration_settings().data_docs_url
    if served is None:
        return dg.MetadataValue.path(str(page))
    return dg.MetadataValue.url(f"{served.rstrip('/')}/{page.relative_to(_site(page))}")


def _site(page: Path) -> Path:
    return next(folder for folder in page.parents if (folder / "index.html").exists())


def _table(frame: "pd.DataFrame") -> dg.MetadataValue:
    plain = frame.astype(object).where(frame.notna(), None)
    return table(
        [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
    )
