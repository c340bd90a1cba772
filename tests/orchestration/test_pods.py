"""What the pods of runs get on Kubernetes, as Dagster's launcher reads it of the jobs' tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import get_args

import dagster as dg
import pytest
from dagster_k8s.job import get_user_defined_k8s_config

from qbank.errors import SettingsError
from qbank_orchestration.data_requests import OWNER
from qbank_orchestration.definitions import defs
from qbank_orchestration.pods import CONFIG, job_tags
from qbank_orchestration.settings import JobKind, OrchestrationSettings, orchestration_settings
from qbank_orchestration.tags import KIND

CALIBRATION = {"requests": {"cpu": "2"}, "limits": {"memory": "6Gi"}}


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = {"calibration": CALIBRATION, "import": {"limits": {"memory": "3Gi"}}}
    monkeypatch.setenv("QBANK_RUN_RESOURCES", json.dumps(found))
    orchestration_settings.cache_clear()
    yield
    orchestration_settings.cache_clear()


def _container(tags: dict[str, object]) -> dict[str, object]:
    @dg.op
    def work() -> None:
        pass

    @dg.job(tags=tags)
    def some() -> None:
        work()

    return dict(get_user_defined_k8s_config(some.run_tags).container_config)


@pytest.mark.usefixtures("resources")
def test_a_job_asks_for_what_its_kind_is_given() -> None:
    assert _container(job_tags("calibration")) == {"resources": CALIBRATION}
    # beside what it has anyway
    mine = _container(job_tags("import", **OWNER))
    assert mine["resources"] == {"limits": {"memory": "3Gi"}}
    assert mine["env_from"] == OWNER["env_from"]
    assert job_tags("marts") == {KIND: "marts"}


def test_where_nothing_is_set_the_launcher_decides() -> None:
    assert job_tags("calibration") == {KIND: "calibration"}
    assert set(job_tags("import", **OWNER)[CONFIG]["container_config"]) == {"env_from"}


def test_every_job_says_of_which_kind_it_is() -> None:
    jobs = [job for job in defs.get_repository_def().get_all_jobs() if KIND in job.tags]
    assert {job.tags[KIND] for job in jobs} == set(get_args(JobKind))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("cpu=2", "no JSON"),
        ('{"nights": {}}', "Input should be 'marts'"),
        ('{"marts": {"limits": {"memory": "6 GB"}}}', "String should match pattern"),
        ('{"marts": {"limit": {"memory": "6Gi"}}}', "Extra inputs are not permitted"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_at_once(
    value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QBANK_RUN_RESOURCES", value)
    with pytest.raises(SettingsError, match=f"QBANK_RUN_RESOURCES.*{said}"):
        OrchestrationSettings.load()
