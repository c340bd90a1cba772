"""What an alert says of a run, from the events of real runs."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from qbank_orchestration.alerting.runs import REPOSITORY, alert_of, is_ours
from qbank_orchestration.tags import KIND, NIGHT


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def _alert(instance: dg.DagsterInstance, *definitions: object, **tags: str):
    ended = dg.materialize(
        definitions, instance=instance, raise_on_error=False, tags={KIND: "marts"} | tags
    )
    run = instance.get_run_by_id(ended.run_id)
    assert run is not None
    return alert_of(instance, run, "http://d"), run


@pytest.mark.parametrize("launched", [True, False])
def test_a_retry_is_promised_only_where_a_code_location_can_start_it(instance, launched):
    @dg.asset
    def killed() -> None:
        raise OSError

    _, run = _alert(instance, killed)
    # as Dagster marks every run whose process was lost
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    run = instance.get_run_by_id(run.run_id)
    if launched:
        location = RegisteredCodeLocationOrigin("qbank")
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "nightly")
        run = run._replace(remote_job_origin=origin)
    told = dict(alert_of(instance, run, "http://d").facts)
    assert told.get("next") == ("a retry starts by itself" if launched else None)


@dg.asset
def mart() -> None:
    """Is built."""


@pytest.mark.parametrize(
    ("severity", "told"), [(dg.AssetCheckSeverity.ERROR, True), (dg.AssetCheckSeverity.WARN, False)]
)
def test_a_run_that_ended_well_is_told_where_a_check_says_error(instance, severity, told):
    @dg.asset_check(asset=mart)
    def rows_agree() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=severity)

    alert, run = _alert(instance, mart, rows_agree)
    assert run.status == dg.DagsterRunStatus.SUCCESS
    if not told:
        assert alert is None
        return
    assert alert.title.endswith("ended with a failed check")
    assert dict(alert.facts)["failed checks"] == "mart: rows_agree"
    assert alert.link == f"http://d/runs/{run.run_id}"


def test_a_passed_check_is_no_news(instance):
    @dg.asset_check(asset=mart)
    def rows_agree() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    assert _alert(instance, mart, rows_agree)[0] is None


def test_a_failed_run_is_told_with_its_root_cause_in_one_line(instance):
    @dg.asset
    def broken() -> None:
        try:
            raise ConnectionError("the server\nis away")
        except ConnectionError as error:
            raise ValueError("no marts") from error

    alert, _run = _alert(instance, broken, **{NIGHT: "2026-01-07", "qbank/exam": "MED-A"})
    facts = dict(alert.facts)
    assert alert.title.endswith("of MED-A failed")
    assert facts["error"] == "ConnectionError: the server is away"
    assert facts["night"] == "2026-01-07"
    assert facts["stays in force"] == "the marts as they were last built"
    assert "next" not in facts


def test_of_dbt_the_database_s_words_are_told(instance):
    @dg.asset
    def built() -> None:
        raise RuntimeError(
            "The dbt CLI process with command\n\n`dbt build`\n\nfailed with exit code 1.\n\n"
            "Errors parsed from dbt logs:\n\nDatabase Error in model fact_responses\n  disk full"
        )

    alert, _run = _alert(instance, built)
    assert dict(alert.facts)["error"] == "Database Error in model fact_responses disk full"


@pytest.mark.parametrize(
    ("tags", "ours"),
    [
        ({REPOSITORY: "__repository__@qbank"}, True),
        ({REPOSITORY: "__repository__@finance", KIND: "marts"}, False),
        ({REPOSITORY: "__repository__@not@qbank"}, False),
        ({KIND: "marts"}, True),  # a run of the command line
        ({}, False),
    ],
)
def test_only_runs_of_this_location_are_told(tags, ours):
    assert is_ours(dg.DagsterRun(job_name="any", tags=tags), "qbank") is ours
