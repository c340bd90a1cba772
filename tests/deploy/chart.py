"""What the official Dagster chart renders from our values: its instance file, ``dagster.yaml``.

Follows, template by template, the chart of Dagster 1.13 (``helm/dagster`` of dagster-io/dagster):
``templates/configmap-instance.yaml`` with its helpers ``dagsterYaml.postgresql.config``,
``dagsterYaml.runLauncher.k8s``, ``dagsterYaml.runCoordinator.queued`` and
``dagsterYaml.concurrency``. Only what our values use is here; a value that the chart does not
know, or that is not rendered here, is refused, as the chart's own schema (``extra="forbid"``)
would refuse it.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

VALUES = Path(__file__).parents[2] / "deploy" / "helm" / "qbank" / "values.yaml"
RELEASE, NAMESPACE = "qbank", "default"
FREE: dict[str, Any] = {}  # a mapping whose keys are not the chart's
_POD = {
    "image": FREE,
    "resources": FREE,
    "securityContext": FREE,
    "livenessProbe": FREE,
    "volumes": [],
    "volumeMounts": [],
}
_WORKERS = {"useThreads": True, "numWorkers": 4}

# the chart's own values.yaml, where ours say something or the instance file needs it
DEFAULTS: dict[str, Any] = {
    "global": {"dagsterHome": "/opt/dagster/dagster_home", "postgresqlSecretName": ""},
    "generatePostgresqlPasswordSecret": True,
    "postgresql": {
        "enabled": True,
        "postgresqlHost": "",
        "postgresqlUsername": "test",
        "postgresqlDatabase": "test",
        "postgresqlParams": FREE,
        "postgresqlScheme": "",
        "service": {"port": 5432},
    },
    "dagster-user-deployments": {"enabled": True, "deployments": []},
    "dagsterWebserver": {
        "replicaCount": 1,
        "service": {"port": 80},
        "readinessProbe": FREE,
        **_POD,
    },
    "runLauncher": {
        "type": "K8sRunLauncher",
        "config": {
            "k8sRunLauncher": {
                "imagePullPolicy": "Always",
                "loadInclusterConfig": True,
                "envConfigMaps": [],
                "envSecrets": [],
                "volumes": [],
                "volumeMounts": [],
                "resources": FREE,
                "securityContext": FREE,
                "runK8sConfig": FREE,
            }
        },
    },
    "concurrency": {
        "enabled": False,
        "pools": {"defaultLimit": None, "granularity": None, "opGranularityRunBuffer": None},
        "runs": {"maxConcurrentRuns": None, "tagConcurrencyLimits": []},
    },
    "dagsterDaemon": {
        "enabled": True,
        **_POD,
        "runCoordinator": {
            "enabled": True,
            "type": "QueuedRunCoordinator",
            "config": {
                "queuedRunCoordinator": {
                    "maxConcurrentRuns": None,
                    "tagConcurrencyLimits": [],
                    "dequeueIntervalSeconds": None,
                    "dequeueUseThreads": True,
                    "dequeueNumWorkers": 4,
                }
            },
        },
        "runMonitoring": {
            "enabled": True,
            "startTimeoutSeconds": 300,
            "cancelTimeoutSeconds": None,
            "maxRuntimeSeconds": None,
            "maxResumeRunAttempts": 0,
            "pollIntervalSeconds": 120,
            "freeSlotsAfterRunEndSeconds": 0,
        },
        "runRetries": {"enabled": True, "maxRetries": None, "retryOnAssetOrOpFailure": None},
        "sensors": _WORKERS,
        "schedules": _WORKERS,
    },
    "retention": {
        "enabled": False,
        "sensor": {"purgeAfterDays": {"skipped": 7, "success": -1, "failure": -1}},
        "schedule": {"purgeAfterDays": -1},
    },
    "telemetry": {"enabled": True},
    "additionalInstanceConfig": FREE,
}


def instance_file(values: dict[str, Any]) -> dict[str, Any]:
    """The content of ``dagster.yaml`` as the chart makes it.

    Raises:
        KeyError: the chart has no such value.
        ValueError: the chart refuses the values.
    """
    merged = _merge(DEFAULTS, values, "")
    if merged["runLauncher"]["type"] != "K8sRunLauncher":
        raise ValueError("only the K8sRunLauncher is rendered here")
    daemon, config = merged["dagsterDaemon"], {"config": _postgresql(merged)}
    retention = merged["retention"]
    made = {
        "scheduler": {
            "module": "dagster.core.scheduler",
            "class": "DagsterDaemonScheduler",
        },
        "run_storage": {
            "module": "dagster_postgres.run_storage",
            "class": "PostgresRunStorage",
            **config,
        },
        "event_log_storage": {
            "module": "dagster_postgres.event_log",
            "class": "PostgresEventLogStorage",
            **config,
        },
        "schedule_storage": {
            "module": "dagster_postgres.schedule_storage",
            "class": "PostgresScheduleStorage",
            **config,
        },
        "run_launcher": _launcher(merged),
        "run_coordinator": _coordinator(merged),
        # the chart's default: with it, a run's output is its pod's log
        "compute_logs": {
            "module": "dagster.core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "run_monitoring": _snake(daemon["runMonitoring"]),
        "run_retries": _snake(daemon["runRetries"]),
        "sensors": _snake(daemon["sensors"]),
        "schedules": _snake(daemon["schedules"]),
        "telemetry": merged["telemetry"],
        **merged["additionalInstanceConfig"],
    }
    if retention["enabled"]:
        made["retention"] = {kind: _snake(retention[kind]) for kind in ("sensor", "schedule")}
    if merged["concurrency"]["enabled"]:
        made["concurrency"] = _concurrency(merged)
    return made


def _merge(chart: Any, ours: Any, at: str) -> Any:
    if not isinstance(chart, dict) or chart is FREE or ours is None:
        return deepcopy(ours)
    for name in ours:
        if name not in chart:
            raise KeyError(f"the chart has no value {at}{name}")
    return {
        name: _merge(value, ours[name], f"{at}{name}.") if name in ours else deepcopy(value)
        for name, value in chart.items()
    }


def _postgresql(values: dict[str, Any]) -> dict[str, Any]:
    postgresql = values["postgresql"]
    if postgresql["enabled"]:
        raise ValueError("only an external server is rendered here")
    scheme = {"scheme": postgresql["postgresqlScheme"]} if postgresql["postgresqlScheme"] else {}
    return {
        "postgres_db": {
            "username": postgresql["postgresqlUsername"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": postgresql["postgresqlHost"],
            "db_name": postgresql["postgresqlDatabase"],
            "port": postgresql["service"]["port"],
            "params": postgresql["postgresqlParams"],
            **scheme,
        }
    }


def _launcher(values: dict[str, Any]) -> dict[str, Any]:
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    config = {
        "load_incluster_config": launcher["loadInclusterConfig"],
        "job_namespace": NAMESPACE,
        "image_pull_policy": launcher["imagePullPolicy"],
        "service_account_name": f"{RELEASE}-dagster",
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": f"{RELEASE}-dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [found["name"] for found in launcher["envConfigMaps"]],
        "env_secrets": [secret["name"] for secret in launcher["envSecrets"]],
        "volumes": launcher["volumes"],
        "volume_mounts": launcher["volumeMounts"],
        "resources": launcher["resources"],
        "security_context": launcher["securityContext"],
        "run_k8s_config": _snake(launcher["runK8sConfig"]),
    }
    return {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}


def _coordinator(values: dict[str, Any]) -> dict[str, Any]:
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    config = _snake(queue)
    if not config["tag_concurrency_limits"]:
        del config["tag_concurrency_limits"]
    if "max_concurrent_runs" not in config and not values["concurrency"]["enabled"]:
        config["max_concurrent_runs"] = -1
    return {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": config,
    }


def _concurrency(values: dict[str, Any]) -> dict[str, Any]:
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    runs = values["concurrency"]["runs"]
    for name in ("maxConcurrentRuns", "tagConcurrencyLimits"):
        if runs[name] and queue[name]:
            raise ValueError(f"Cannot set both concurrency.runs.{name} and the run coordinator's")
    return {"pools": _snake(values["concurrency"]["pools"]), "runs": _snake(runs)}


def _snake(mapping: dict[str, Any]) -> dict[str, Any]:
    """The chart writes snake case, one level deep, and leaves out what is not set."""
    return {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in name): value
        for name, value in mapping.items()
        if value is not None
    }


def our_values() -> dict[str, Any]:
    """Our values for that chart, read anew: Helm hands it what is below its name, and `global`."""
    ours = yaml.safe_load(VALUES.read_text())
    return {"global": ours["global"], **ours["dagster"]}
