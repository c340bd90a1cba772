"""Kubernetes objects against the API's own models, strictly: an unknown field is refused.

What never lives here: which objects there are.
"""

from __future__ import annotations

import re
from typing import Any

from cloudcoil.models.prometheus_operator import v1 as operator
from kubernetes.client import models

_VERSIONS = {
    "v1": "V1",
    "apps/v1": "V1",
    "batch/v1": "V1",
    "autoscaling/v2": "V2",
    "policy/v1": "V1",
    "networking.k8s.io/v1": "V1",
}


def check(found: dict[str, Any]) -> None:
    """Checks an object as it is written in YAML.

    Raises:
        AssertionError: a field is unknown, or its value cannot be.
    """
    if found["apiVersion"] == "monitoring.coreos.com/v1":
        _check_operators(found)
    else:
        _check(found, f"{_VERSIONS[found['apiVersion']]}{found['kind']}", found["kind"])


def _check_operators(found: dict[str, Any]) -> None:
    """Kinds of Prometheus' operator: its models, which leave out what they do not know."""
    kind = getattr(operator, found["kind"])
    read = kind.model_validate(found).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == found, f"{found['kind']} has fields that Prometheus' operator lacks"


def check_container(found: dict[str, Any]) -> None:
    """Checks a part of a pod: a container.

    Raises:
        AssertionError: a field is unknown, or its value cannot be.
    """
    _check(found, "V1Container", found["name"])


def _check(value: Any, kind: str, at: str) -> None:
    if value is None:
        return
    if of := re.fullmatch(r"list\[(.*)\]", kind):
        assert isinstance(value, list), f"{at} is {value!r}, not a list"
        for number, item in enumerate(value):
            _check(item, of[1], f"{at}[{number}]")
    elif of := re.fullmatch(r"dict\[(.*), (.*)\]", kind):
        assert isinstance(value, dict), f"{at} is {value!r}, not a mapping"
        for name, item in value.items():
            _check(item, of[2], f"{at}.{name}")
    elif model := getattr(models, kind, None):
        _check_model(value, model, at)
    elif kind in ("str", "int", "bool"):
        assert type(value).__name__ == kind, f"{at} is {value!r}, not {kind}"
    else:  # int-or-string, quantities
        assert kind == "object", f"{at} is of kind {kind}"


def _check_model(value: Any, model: Any, at: str) -> None:
    assert isinstance(value, dict), f"{at} is {value!r}, not a mapping"
    fields = {written: name for name, written in model.attribute_map.items()}
    for written, item in value.items():
        assert written in fields, f"{at}.{written} is unknown to Kubernetes"
        _check(item, model.openapi_types[fields[written]], f"{at}.{written}")
    # the constructor knows what is required
    model(**{fields[written]: item for written, item in value.items()})
