"""The Helm values: what the chart makes of them is what Dagster and Kubernetes take."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes
import pytest
import yaml
from dagster_k8s import K8sRunLauncher
from sqlalchemy import create_engine

from qbank.postgres import dagster_url
from tests.deploy.chart import instance_file, our_values

ROOT = Path(__file__).parents[2]
# what the chart says on top of dagster.yaml: Dagster's own defaults
BESIDES = {
    "run_monitoring": {"max_resume_run_attempts": 0, "free_slots_after_run_end_seconds": 0},
    "run_coordinator": {"dequeue_use_threads": True, "dequeue_num_workers": 4},
}


def _ours() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "deploy/dagster/dagster.yaml").read_text()))


def test_the_chart_limits_retries_watches_and_keeps_as_dagster_yaml_does() -> None:
    ours, chart = _ours(), instance_file(our_values())
    assert ours["run_coordinator"].pop("config") == {"dequeue_interval_seconds": 1}
    coordinator = chart["run_coordinator"].pop("config")
    assert coordinator == {"dequeue_interval_seconds": 1} | BESIDES["run_coordinator"]
    for section in set(ours) - {"storage"}:
        besides = BESIDES.get(section, {}) if section == "run_monitoring" else {}
        assert chart[section] == ours[section] | besides, section


def test_a_value_that_the_chart_lacks_is_refused() -> None:
    values = our_values()
    values["dagsterDaemon"]["runMonitoring"]["maxRunSeconds"] = 1
    with pytest.raises(KeyError, match=r"dagsterDaemon\.runMonitoring\.maxRunSeconds"):
        instance_file(values)


def test_limits_in_both_places_are_refused() -> None:
    values = our_values()
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    queue["maxConcurrentRuns"] = 4
    with pytest.raises(ValueError, match=r"Cannot set both concurrency\.runs\.maxConcurrentRuns"):
        instance_file(values)


def test_the_storage_names_psycopg2_and_asks_kept_connections(settings) -> None:
    (config,) = {
        yaml.dump(instance_file(our_values())[kind]["config"]["postgres_db"])
        for kind in ("run_storage", "event_log_storage", "schedule_storage")
    }
    chosen = yaml.safe_load(config)
    url = f"{chosen['scheme']}://u:p@h/d?plugin={chosen['params']['plugin']}"
    for address in (url, dagster_url()):
        engine = create_engine(address)
        assert engine.driver == "psycopg2"
        assert engine.pool._pre_ping  # SQLAlchemy tells it nowhere else


def test_the_run_launcher_takes_what_the_chart_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = instance_file(our_values())
    # no server is needed to read the launcher's part
    kept = {name: rendered[name] for name in ("run_launcher", "compute_logs", "telemetry")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(kept))
    monkeypatch.setattr(kubernetes.config, "load_incluster_config", lambda: None)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, K8sRunLauncher)
        assert launcher.env_secrets == ["qbank-env"]
        assert launcher.env_config_maps == ["qbank-settings"]
        assert [mount["name"] for mount in launcher.volume_mounts] == ["home", "tmp"]
        assert launcher.resources["limits"] == {"memory": "4Gi"}
        assert launcher.security_context["runAsNonRoot"] is True


def test_every_pod_is_our_image_with_limits_and_probes() -> None:
    values = our_values()
    (location,) = values["dagster-user-deployments"]["deployments"]
    assert importlib.util.find_spec(location["dagsterApiGrpcArgs"][1])
    assert location["readinessProbe"]["enabled"] is True
    for pod in (location, values["dagsterDaemon"], values["dagsterWebserver"]):
        assert pod["image"] == location["image"]
        assert pod["resources"]["limits"]["memory"]
        assert pod["resources"]["requests"]["memory"]
        # the user that the image has made
        user = pod["securityContext"]["runAsUser"]
        assert f"--uid {user} " in (ROOT / "deploy/Dockerfile").read_text()
    for served in (values["dagsterDaemon"], values["dagsterWebserver"]):
        assert served["livenessProbe"]


def test_dagit_is_asked_where_it_listens() -> None:
    webserver = our_values()["dagsterWebserver"]
    port = webserver["service"]["port"]
    assert port > 1024  # open to an ordinary user
    for probe in ("readinessProbe", "livenessProbe"):
        assert webserver[probe]["httpGet"] == {"path": "/server_info", "port": port}
    assert f":{port}" in (ROOT / "deploy/README.md").read_text()
