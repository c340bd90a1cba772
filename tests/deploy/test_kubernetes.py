"""What our chart makes: Kubernetes takes it, its commands and variables exist, it may do little."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import helm_python
import pytest
import typer

from qbank.cli.commands import app
from qbank_orchestration.data_requests import OWNER
from tests.deploy import helm
from tests.deploy.chart import our_values
from tests.deploy.kubernetes_fields import check, check_container
from tests.deploy.test_files import settings_variables

ROOT = Path(__file__).parents[2]
OBJECTS = helm.everything()
PODS = {name: pod for name, found in OBJECTS.items() if (pod := helm.pod(found))}
CONTAINERS = {
    f"{name}, {container['name']}": container
    for name, pod in PODS.items()
    for container in [*pod.get("initContainers", ()), *pod["containers"]]
}


def test_everything_is_there() -> None:
    assert set(PODS) == {
        "Deployment qbank-api", "Deployment qbank-console", "Deployment qbank-relay",
        "Deployment qbank-sink", "Job qbank-migrate", "CronJob qbank-backup",
    }  # fmt: skip
    kinds = {name.split()[0] for name in OBJECTS}
    assert kinds >= {
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "NetworkPolicy",
        "ServiceMonitor", "PrometheusRule", "ConfigMap", "Service",
    }  # fmt: skip


def test_what_is_not_asked_for_is_not_there() -> None:
    usual = set(helm.rendered())
    assert usual < set(OBJECTS)
    gone = {name.split()[0] for name in OBJECTS} - {name.split()[0] for name in usual}
    assert gone == {"CronJob", "Ingress", "ServiceMonitor", "PrometheusRule"}
    assert not {"Deployment qbank-relay", "Deployment qbank-sink"} & usual
    fixed = helm.rendered({"api": {"autoscaling": {"enabled": False}, "replicas": 5}})
    assert fixed["Deployment qbank-api"]["spec"]["replicas"] == 5
    assert "HorizontalPodAutoscaler qbank-api" not in fixed


@pytest.mark.parametrize("found", OBJECTS.values(), ids=OBJECTS.keys())
def test_kubernetes_knows_every_field(found: dict[str, Any]) -> None:
    check(found)


def test_a_field_that_kubernetes_lacks_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"Service\.spec\.porst is unknown"):
        check({"apiVersion": "v1", "kind": "Service", "spec": {"porst": []}})
    monitor = OBJECTS["ServiceMonitor qbank-api"]
    wrong = {"endpoints": [{"port": "http", "paht": "/metrics"}], "selector": {}}
    with pytest.raises(AssertionError, match="fields that Prometheus' operator lacks"):
        check(monitor | {"spec": wrong})


def test_the_pods_of_dagster_s_chart_have_fields_that_kubernetes_knows() -> None:
    values = our_values()
    (location,) = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    parts = ("resources", "securityContext", "readinessProbe", "livenessProbe", "volumeMounts")
    for pod in (location, values["dagsterDaemon"], values["dagsterWebserver"], launcher):
        container = {
            name: _without_switch(pod[name]) if isinstance(pod[name], dict) else pod[name]
            for name in parts
            if name in pod
        }
        check_container({"name": "c"} | container)
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounted = {mount["name"] for mount in pod["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    (home,) = launcher["runK8sConfig"]["podSpecConfig"]["initContainers"]
    check_container(home)


def _without_switch(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "enabled"}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_every_container_is_our_image_within_limits_and_may_do_little(
    container: dict[str, Any],
) -> None:
    assert container["image"] == "qbank:local"
    assert container["resources"]["limits"]["memory"]
    may = container["securityContext"]
    assert may["readOnlyRootFilesystem"] is may["runAsNonRoot"] is True
    assert may["allowPrivilegeEscalation"] is False
    assert may["capabilities"] == {"drop": ["ALL"]}
    assert f"--uid {may['runAsUser']} " in (ROOT / "deploy/Dockerfile").read_text()


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_every_command_can_be_run(container: dict[str, Any]) -> None:
    program, *words = container["command"]
    if program == "python":
        assert words[0] == "-m"
        assert importlib.util.find_spec(f"{words[1]}.__main__")
    elif program == "qbank":
        _parse(words)
    else:
        assert (program, words) == ("cp", ["-r", f"{_home()}/.", "/writable"])


def _parse(words: list[str]) -> None:
    """As the command line does it: an option that it lacks, or a word too many, is refused."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context("qbank", words)


def test_a_command_that_is_none_is_refused() -> None:
    with pytest.raises(AssertionError, match="no command 'sail'"):
        _parse(["db", "sail"])
    with pytest.raises(Exception, match="No such option: --kept"):
        _parse(["db", "backup", "/backups", "--kept", "3"])


def _home() -> str:
    return str(re.search(r"QBANK_HOME=(\S+)", (ROOT / "deploy/Dockerfile").read_text())[1])  # type: ignore[index]


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS.keys())
def test_what_a_pod_writes_to_is_mounted(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounts[_home()] == "home"
    assert mounts["/tmp"] == "tmp"  # noqa: S108
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}


def test_every_variable_is_a_setting() -> None:
    named = {variable["name"] for c in CONTAINERS.values() for variable in c.get("env", ())}
    named |= set(OBJECTS["ConfigMap qbank-settings"]["data"])
    named |= set(re.findall(r"QBANK_\w+", (helm.CHART / "values.yaml").read_text()))
    assert {"QBANK_EVENTS", "QBANK_RUN_RESOURCES", "QBANK_RELAY_METRICS_PORT"} <= named
    assert named <= settings_variables()


def test_settings_reach_every_program_as_text() -> None:
    for name, pod in PODS.items():
        found = {v["name"]: v["value"] for c in pod["containers"] for v in c["env"]}
        assert found["QBANK_EVENTS"] == "true", name
        assert found["QBANK_KEEP_EVENTS_DAYS"] == "7", name
    assert OBJECTS["ConfigMap qbank-settings"]["data"]["QBANK_EVENTS"] == "true"


def test_issuers_are_where_the_api_looks_for_them() -> None:
    pod = PODS["Deployment qbank-api"]
    (container,) = pod["containers"]
    (file,) = [v["value"] for v in container["env"] if v["name"] == "QBANK_ISSUERS_FILE"]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "issuers"]
    (volume,) = [v["configMap"] for v in pod["volumes"] if v["name"] == "issuers"]
    assert file == f"{mount['mountPath']}/{volume['items'][0]['path']}"
    assert volume["name"] == helm.ISSUERS
    assert "issuers" not in str(helm.rendered()["Deployment qbank-api"])


def test_only_whoever_acts_as_the_owner_has_its_password() -> None:
    of = {
        name: [found["secretRef"]["name"] for found in pod["containers"][0]["envFrom"]]
        for name, pod in PODS.items()
    }
    owners = {name for name, secrets in of.items() if "qbank-owner" in secrets}
    assert owners == {"Job qbank-migrate", "CronJob qbank-backup"}
    assert all("qbank-env" in secrets for secrets in of.values())
    # the names that other charts' values, and a job's tag, cannot ask ours for
    launcher = our_values()["runLauncher"]["config"]["k8sRunLauncher"]
    assert launcher["envSecrets"] == [{"name": "qbank-env"}]
    assert launcher["envConfigMaps"] == [{"name": "qbank-settings"}]
    assert OWNER["env_from"][0]["secret_ref"]["name"] == "qbank-owner"


def test_the_schema_is_made_before_anything_of_a_release_starts() -> None:
    hooks = OBJECTS["Job qbank-migrate"]["metadata"]["annotations"]
    assert hooks["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert hooks["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_services_find_the_ports_of_their_pods() -> None:
    services = {n.split()[1]: f for n, f in OBJECTS.items() if f["kind"] == "Service"}
    assert set(services) == {"qbank-api", "qbank-console", "qbank-relay"}
    for name, service in services.items():
        found = OBJECTS[f"Deployment {name}"]["spec"]["template"]
        assert service["spec"]["selector"].items() <= found["metadata"]["labels"].items()
        ports = {p["name"]: p["containerPort"] for p in found["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
        policy = OBJECTS[f"NetworkPolicy {name}"]["spec"]
        assert policy["podSelector"]["matchLabels"] == service["spec"]["selector"]
        assert policy["ingress"][0]["ports"][0]["port"] in ports.values()


@pytest.mark.parametrize("name", PODS.keys())
def test_every_pod_has_a_network_policy_and_may_ask_for_names(name: str) -> None:
    policy = OBJECTS[f"NetworkPolicy {name.split()[1]}"]["spec"]
    found = OBJECTS[name]
    template = found["spec"].get("jobTemplate", found)["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = {(p["protocol"], p["port"]) for p in policy["egress"][0]["ports"]}
    assert {("UDP", 53), ("TCP", 53)} <= ports
    database = ("TCP", 5432) in ports
    assert database == (name != "Deployment qbank-sink")
    assert bool(policy["ingress"]) == (
        name.split()[1] in ("qbank-api", "qbank-console", "qbank-relay")
    )


def test_the_api_scales_spreads_and_keeps_on() -> None:
    scaler = OBJECTS["HorizontalPodAutoscaler qbank-api"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "qbank-api"
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]
    found = OBJECTS["Deployment qbank-api"]["spec"]
    assert "replicas" not in found  # or each upgrade undoes what the autoscaler did
    spread = PODS["Deployment qbank-api"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname", "topology.kubernetes.io/zone",
    ]  # fmt: skip
    labels = found["template"]["metadata"]["labels"]
    for selector in (
        *(each["labelSelector"] for each in spread),
        OBJECTS["PodDisruptionBudget qbank-api"]["spec"]["selector"],
    ):
        assert selector["matchLabels"].items() <= labels.items()


def test_the_metrics_of_the_api_are_asked_for_with_its_token() -> None:
    (endpoint,) = OBJECTS["ServiceMonitor qbank-api"]["spec"]["endpoints"]
    asked = endpoint["authorization"]["credentials"]
    assert asked == {"name": "qbank-env", "key": "QBANK_API_METRICS_TOKEN"}
    (endpoint,) = OBJECTS["ServiceMonitor qbank-relay"]["spec"]["endpoints"]
    assert endpoint["port"] == "metrics"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"tag": "1.0"}}, r"dagster\..* is qbank:local, and image is qbank:1\.0"),
        ({"backup": {"enabled": True}}, r"backup\.existingClaim: name the claim"),
        (
            {"ingress": {"enabled": True, "api": {"host": "a.example.org"}}},
            r"ingress\.api\.tlsSecret: name the secret",
        ),
    ],
)
def test_what_cannot_go_together_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm_python.HelmError, match=said):
        helm.rendered(values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"api": {"replica": 3}}, "'replica' not allowed"),
        ({"relay": {"enabled": "yes"}}, "got string, want boolean"),
        (
            {"settings": {"QBANK_EVENTS": {"on": True}}},
            "got object, want boolean or number or string",
        ),
        ({"networkPolicy": {"ports": {"database": ["postgres"]}}}, "got string, want integer"),
    ],
)
def test_a_value_that_the_chart_lacks_is_refused(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    with (
        helm_python.Chart.load(helm.alone(tmp_path)) as chart,
        pytest.raises(helm_python.HelmError, match=said),
    ):
        chart.validate_schema(chart.merge_values(values))


def test_helm_finds_nothing_to_say(tmp_path: Path) -> None:
    report = helm_python.lint(helm.alone(tmp_path), helm.ALL)
    worse = [m for m in report["messages"] if m["severity"] > 1]
    assert worse == report["errors"] == []
    with helm_python.Chart.load(helm.alone(tmp_path / "again")) as chart:
        chart.validate_schema(chart.merge_values(helm.ALL))


def test_the_chart_depends_on_the_dagster_of_the_project() -> None:
    (dependency,) = helm.about_chart()["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"dagster=={dependency['version']}" in project["dependencies"]
    assert dependency["name"] == "dagster"
    assert f"helm dependency build {helm.CHART.relative_to(ROOT)}" in _readme()
    assert sys.modules["calibration"].__version__ == helm.about_chart()["appVersion"]


def _readme() -> str:
    return (ROOT / "deploy" / "README.md").read_text()


def test_the_readme_makes_every_secret_that_is_named() -> None:
    values = our_values()
    named = {s["secretRef"]["name"] for c in CONTAINERS.values() for s in c.get("envFrom", ())}
    named |= {values["global"]["postgresqlSecretName"]}
    assert set(re.findall(r"create secret generic (\S+)", _readme())) == named
    assert set(re.findall(r"create configmap (\S+)", _readme())) == {helm.ISSUERS}
