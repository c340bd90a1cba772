"""Our chart, rendered by Helm itself, without Dagster's: that has to be fetched first."""

from __future__ import annotations

import platform
import shutil
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

if sys.platform == "linux" and platform.machine() != "x86_64":
    pytest.skip("Helm's library has no wheel for this processor", allow_module_level=True)
import helm_python

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "qbank"
RELEASE = "exams"
ISSUERS = "qbank-issuers"
# all that may be asked for, at once
ALL: dict[str, Any] = {
    "api": {"issuersConfigMap": ISSUERS},
    "relay": {"enabled": True},
    "sink": {"enabled": True},
    "backup": {"enabled": True, "existingClaim": "backups"},
    "monitoring": {"enabled": True},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "api": {"host": "api.example.org", "tlsSecret": "api-tls"},
        "console": {"host": "exams.example.org", "tlsSecret": "console-tls"},
    },
    "settings": {
        "QBANK_EVENTS": True,
        "QBANK_RELAY_KAFKA_SERVERS": "kafka:9092",
        "QBANK_CLICKHOUSE_URL": "http://qbank@clickhouse:8123/qbank",
        "QBANK_KEEP_EVENTS_DAYS": 7,
    },
}


def rendered(values: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The objects that Helm makes, by kind and name.

    Raises:
        helm_python.HelmError: the chart refuses the values.
    """
    with TemporaryDirectory() as folder, helm_python.Chart.load(alone(Path(folder))) as chart:
        made = chart.render(values or {}, name=RELEASE, namespace="default")
    return {
        f"{found['kind']} {found['metadata']['name']}": found
        for path, text in made.items()
        if path.endswith(".yaml")
        for found in yaml.safe_load_all(text)
        if found
    }


def alone(folder: Path) -> Path:
    """A copy of the chart that depends on no other."""
    copy = Path(shutil.copytree(CHART, folder / "qbank"))
    about = {k: v for k, v in about_chart().items() if k != "dependencies"}
    (copy / "Chart.yaml").write_text(yaml.safe_dump(about))
    return copy


def about_chart() -> dict[str, Any]:
    """Chart.yaml."""
    return dict(yaml.safe_load((CHART / "Chart.yaml").read_text()))


@lru_cache
def everything() -> dict[str, dict[str, Any]]:
    """The objects where all is asked for that may be."""
    return rendered(ALL)


def pod(found: dict[str, Any]) -> dict[str, Any] | None:
    """The pod that an object runs, if it runs any."""
    if found["kind"] == "CronJob":
        found = found["spec"]["jobTemplate"]
    elif found["kind"] not in ("Deployment", "Job"):
        return None
    return dict(found["spec"]["template"]["spec"])
