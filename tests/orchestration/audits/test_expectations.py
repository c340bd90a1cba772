"""Each expectation of the suites' files: at its limit, beyond it, and what is kept of a result."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from qbank.errors import QbankError
from qbank.stores.profiles import PROFILES
from qbank_orchestration.engine import expectations
from qbank_orchestration.engine.expectations import Suite

BETWEEN = "expect_column_values_to_be_between"
LIMITS = [
    (suite.name, n, bound)
    for suite in expectations.suites()
    for n, expected in enumerate(suite.expectations)
    if expected["type"] == BETWEEN
    for bound in ("min_value", "max_value")
    if bound in expected["kwargs"]
]


def limits(suite: Suite) -> dict[str, dict[str, float]]:
    return {e["kwargs"]["column"]: e["kwargs"] for e in suite.expectations if e["type"] == BETWEEN}


def usual(suite: Suite) -> dict[str, float]:
    """Figures within every limit."""
    figures = {"live_in_mart": 60.0, "live_in_bank": 60.0}
    for column, bounds in limits(suite).items():
        low, high = bounds.get("min_value"), bounds.get("max_value")
        figures[column] = (
            (low + high) / 2 if low is not None and high is not None else low or high or 0.0
        )
    return figures


def named(name: str) -> Suite:
    return next(suite for suite in expectations.suites() if suite.name == name)


@pytest.mark.parametrize("name", PROFILES)
def test_limits_hold_for_each_exam_by_itself(name, tmp_path: Path):
    """One exam a limit: at it all is well, just beyond it that exam alone is named."""
    suite = named(name)
    rows = [{"exam_code": "usual"} | usual(suite)]
    wanted = {}
    for column, bounds in limits(suite).items():
        for bound, away in (("min_value", -math.inf), ("max_value", math.inf)):
            if bound not in bounds:
                continue
            limit = bounds[bound]
            rows.append(rows[0] | {"exam_code": f"at {bound} of {column}", column: limit})
            beyond = f"beyond {bound} of {column}"
            rows.append(rows[0] | {"exam_code": beyond, column: math.nextafter(limit, away)})
            wanted[beyond] = column
    rows.append(rows[0] | {"exam_code": "unknown"} | dict.fromkeys(limits(suite), math.nan))
    found = expectations.validate({name: pd.DataFrame(rows)}, tmp_path, run_name="r")[name]
    assert {unmet.exam_code: unmet.figure for unmet in found.unmet} == wanted
    assert found.exams == len(rows)
    assert found.evaluated == len(suite.expectations)
    for unmet in found.unmet:
        means = next(e["meta"]["notes"] for e in suite.expectations
                     if e["kwargs"].get("column") == unmet.figure)  # fmt: skip
        assert unmet.means == means
        assert str(unmet).startswith(f"{unmet.exam_code}: {unmet.figure} is ")


def test_every_limit_says_what_a_miss_means():
    assert len(LIMITS) > 30
    for suite in expectations.suites():
        assert suite.says
        assert all(expected["meta"]["notes"] for expected in suite.expectations)


@pytest.mark.parametrize(("in_mart", "fine"), [(60, True), (59, False), (61, False)])
def test_items_of_the_mart_are_those_of_the_bank(in_mart: int, fine: bool, tmp_path: Path):
    frame = pd.DataFrame(
        [{"exam_code": "algebra"} | usual(named("items")) | {"live_in_mart": float(in_mart)}]
    )
    unmet = expectations.validate({"items": frame}, tmp_path, run_name="r")["items"].unmet
    said = f"algebra: live_in_mart and live_in_bank is {in_mart} and 60, expected the same"
    assert [str(u) for u in unmet] == ([] if fine else [said])


@pytest.mark.parametrize(
    ("figure", "value", "expected"),
    [
        ("share_correct", 0.1, "0.2 to 0.98"),
        ("option_kl", 0.5, "at most 0.25"),
        ("time_p05_ms", 20.0, "at least 500"),
    ],
)
def test_a_miss_says_what_was_expected(figure: str, value: float, expected: str, tmp_path: Path):
    frame = pd.DataFrame([{"exam_code": "algebra"} | usual(named("responses")) | {figure: value}])
    (unmet,) = expectations.validate({"responses": frame}, tmp_path, run_name="r")[
        "responses"
    ].unmet
    assert (unmet.figure, unmet.observed, unmet.expected) == (figure, f"{value:g}", expected)


def test_nothing_to_judge_is_no_page(tmp_path: Path):
    found = expectations.validate({"responses": pd.DataFrame()}, tmp_path, run_name="r")
    assert found["responses"].exams == 0
    assert found["responses"].evaluated == len(named("responses").expectations)
    assert (found["responses"].unmet, found["responses"].page) == ((), None)


def test_a_figure_that_is_missing_is_a_fault_not_a_finding(tmp_path: Path):
    frame = pd.DataFrame([{"exam_code": "algebra"} | usual(named("exposure"))]).drop(
        columns="share_free"
    )
    with pytest.raises(QbankError, match=r"share_free.* cannot be judged"):
        expectations.validate({"exposure": frame}, tmp_path, run_name="r")


def test_the_newest_results_are_kept_with_their_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(expectations, "KEPT", 2)
    frame = pd.DataFrame([{"exam_code": "algebra"} | usual(named("exposure"))])
    pages = []
    for run_name in ("one", "two", "three"):
        found = expectations.validate({"exposure": frame}, tmp_path, run_name=run_name)
        page = found["exposure"].page
        assert page is not None
        assert page.exists()
        pages.append(page)
    assert [page.exists() for page in pages] == [False, True, True]
    stored = sorted(tmp_path.rglob("validations/exposure/*/*/*.json"))
    assert {file.parts[-3] for file in stored} == {"two", "three"}
    assert all(json.loads(file.read_text())["success"] for file in stored)
    assert not pages[0].parents[1].exists()
    index = (pages[-1].parents[4] / "index.html").read_text()
    assert "three" in index
    assert "one/" not in index


def test_results_of_one_run_share_a_folder_and_pages_may_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(expectations, "KEPT", 1)
    frame = pd.DataFrame([{"exam_code": "algebra"} | usual(named("exposure"))])

    def validated() -> Path:
        page = expectations.validate({"exposure": frame}, tmp_path, run_name="r")["exposure"].page
        assert page is not None
        return page

    first = validated()
    shutil.rmtree(first.parents[4])  # somebody cleaned up
    second = validated()
    third = validated()
    assert third.exists()
    assert not second.exists()
    assert len(list(tmp_path.rglob("validations/exposure/r/*/*.json"))) == 1
