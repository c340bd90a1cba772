"""Great Expectations suites on proposals and on the fact mart, and what they found.

A second pair of eyes beside our own audits: declared expectations, whose results an analyst can
read without reading code.

What never lives here: decisions about publication.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expected:
    """One expectation by its Great Expectations name and arguments."""

    kind: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found.

    Attributes:
        rows: rows that were judged.
        evaluated: expectations that were judged.
        failed: those that do not hold, in words.
    """

    rows: int
    evaluated: int
    failed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation holds."""
        return not self.failed


def _between(column: str, low: float | None, high: float | None) -> Expected:
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Expected("ExpectColumnValuesToBeBetween", arguments)


def _present(column: str) -> Expected:
    return Expected("ExpectColumnValuesToNotBeNull", {"column": column})


_ITEM = ("question_id", "version")
_UNIQUE_ITEM = Expected("ExpectCompoundColumnsToBeUnique", {"column_list": [*_ITEM]})

EXPOSURE = (
    *map(_present, (*_ITEM, "sh_p")),
    _UNIQUE_ITEM,
    _between("sh_p", 0.0, 1.0),
    # a pool where the typical item is held back could not fill a test
    Expected("ExpectColumnMedianToBeBetween", {"column": "sh_p", "min_value": 0.02}),
)

PARAMETERS = (
    *map(_present, (*_ITEM, "a", "b", "c")),
    _UNIQUE_ITEM,
    _between("a", 0.05, 5.0),
    _between("b", -8.0, 8.0),
    _between("c", 0.0, 0.6),
    # θ ~ N(0, 1): a bank whose items all lie beyond ±2 was put on a wrong scale
    Expected("ExpectColumnMedianToBeBetween", {"column": "b", "min_value": -2, "max_value": 2}),
    Expected("ExpectColumnMedianToBeBetween", {"column": "a", "min_value": 0.2, "max_value": 3}),
)

FACT_RESPONSES = (
    *map(_present, ("response_id", "exam_code", "user_id", *_ITEM, "is_correct", "answered_at")),
    Expected("ExpectColumnValuesToBeUnique", {"column": "response_id"}),
    _between("attempt_number", 1, None),
    _between("time_taken_ms", 0, None),
    Expected(
        "ExpectColumnMeanToBeBetween", {"column": "correct", "min_value": 0.05, "max_value": 0.99}
    ),
)


def validate(frame: pd.DataFrame, suite: Sequence[Expected], name: str) -> SuiteResult:
    """Judges a frame by a suite; an empty frame passes, for nothing in it can be wrong."""
    if frame.empty:
        return SuiteResult(0, 0, ())
    # the import takes seconds and must not phone home
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    definition = asset.add_batch_definition_whole_dataframe(name)
    expectations = [getattr(gx.expectations, e.kind)(**e.arguments) for e in suite]
    found = definition.get_batch({"dataframe": frame}).validate(
        gx.ExpectationSuite(name=name, expectations=expectations)
    )
    failed = tuple(_words(result) for result in found.results if not result.success)
    return SuiteResult(len(frame), len(found.results), failed)


def _words(result: Any) -> str:
    config = result.expectation_config
    arguments = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    observed = result.result.get("observed_value")
    unexpected = result.result.get("unexpected_count")
    seen = f"observed {observed}" if observed is not None else f"{unexpected} rows do not"
    return f"{config.type} {arguments}: {seen}"
