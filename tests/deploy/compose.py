"""docker-compose.yml as a Docker engine would read it: merged, and with its variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-+?])([^}]*))?\}")


def services() -> dict[str, Any]:
    """The services, merged; variables stand as they are written."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def service(name: str) -> dict[str, Any]:
    """One of them."""
    return dict(services()[name])


def environment(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What the program of a service finds in its environment.

    Args:
        name: of the service.
        variables: of ``.env``.

    Raises:
        KeyError: a variable is required and not there.
    """
    return {key: filled(text, variables) for key, text in service(name)["environment"].items()}


def filled(written: str, variables: Mapping[str, str]) -> str:
    """A text of the file with the variables of ``.env`` put in.

    Raises:
        KeyError: a variable is required and not there.
    """

    def put(found: re.Match[str]) -> str:
        variable, kind, text = found.groups()
        if kind == "+":
            return text if variables.get(variable) else ""
        return (variables.get(variable) or text) if kind == "-" else variables[variable]

    return _VARIABLE.sub(put, written)
