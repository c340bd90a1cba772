"""The plain Kubernetes objects: the API's own models take them, and their commands exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import our_values
from tests.deploy.kubernetes_fields import check, check_container

DEPLOY = Path(__file__).parents[2] / "deploy"
OBJECTS = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "qbank.yaml").read_text()))
PODS = [found for found in OBJECTS if found["kind"] in ("Job", "Deployment")]


def _container(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("found", OBJECTS, ids=lambda f: f"{f['kind']} {f['metadata']['name']}")
def test_kubernetes_knows_every_field(found: dict[str, Any]) -> None:
    check(found)


def test_a_field_that_kubernetes_lacks_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"Service\.spec\.porst is unknown"):
        check({"apiVersion": "v1", "kind": "Service", "spec": {"porst": []}})


def test_the_chart_s_pods_have_fields_that_kubernetes_knows() -> None:
    values = our_values()
    (location,) = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    for pod in (location, values["dagsterDaemon"], values["dagsterWebserver"], launcher):
        container = {
            name: {key: value for key, value in pod[name].items() if key != "enabled"}
            for name in ("resources", "securityContext", "readinessProbe", "livenessProbe")
            if name in pod
        }
        check_container({"name": "c"} | container)


@pytest.mark.parametrize("pod", PODS, ids=lambda f: f["metadata"]["name"])
def test_every_pod_runs_our_image_within_limits_as_an_ordinary_user(pod: dict[str, Any]) -> None:
    container = _container(pod)
    program, *arguments = container["command"]
    assert program == "qbank" or importlib.util.find_spec(f"{arguments[1]}.__main__")
    assert container["image"] == "qbank:local"
    assert container["resources"]["limits"]["memory"]
    assert pod["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    if pod["kind"] == "Deployment":
        assert container["livenessProbe"]
        assert container["startupProbe"]


def test_only_the_migration_has_the_owner_s_password() -> None:
    secrets = {
        pod["metadata"]["name"]: [s["secretRef"]["name"] for s in _container(pod)["envFrom"]]
        for pod in PODS
    }
    assert [name for name, of in secrets.items() if "qbank-owner" in of] == ["qbank-migrate"]
    assert all("qbank-env" in of for of in secrets.values())


def test_the_readme_makes_every_secret_that_is_named() -> None:
    named = {s["secretRef"]["name"] for pod in PODS for s in _container(pod)["envFrom"]}
    named |= {our_values()["global"]["postgresqlSecretName"]}
    readme = (DEPLOY / "README.md").read_text()
    assert set(re.findall(r"create secret generic (\S+)", readme)) == named
