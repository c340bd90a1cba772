"""The reference of the settings, from their classes. Only defaults are read, no environment."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from qbank.requests import Allowed
from qbank.settings import SettingsGroup

PACKAGES = ("qbank", "qbank_orchestration", "delivery_api", "qbank_console", "qbank_metabase")
_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", re.M)
_HEAD = """# Settings

Read from the environment, then from `.env` in the project folder (the checkout; for an installation
the working directory), then the defaults here. A wrong value is refused by its name, before
anything starts. Secrets are never shown.
"""


def groups() -> list[type[SettingsGroup]]:
    """All classes of settings, of every package."""
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if module.name.endswith(".settings"):
                importlib.import_module(module.name)

    def place(group: type[SettingsGroup]) -> tuple[int, int, str]:
        package, *inside = group.__module__.split(".")
        return PACKAGES.index(package), len(inside), group.__module__

    return sorted(SettingsGroup.__subclasses__(), key=place)


def variable(group: type[SettingsGroup], name: str) -> str:
    """The environment variable of a setting."""
    return f"{group.model_config['env_prefix']}{name}".upper()


def meanings(group: type[SettingsGroup]) -> dict[str, str]:
    """What the docstring says of each setting; ``a, b: …`` speaks of both."""
    said: dict[str, str] = {}
    for names, text in _ATTRIBUTE.findall(
        (inspect.getdoc(group) or "").partition("Attributes:")[2]
    ):
        said |= dict.fromkeys(names.split(", "), " ".join(text.replace("``", "`").split()))
    return said


def markdown() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(group) for group in groups())


def _section(group: type[SettingsGroup]) -> str:
    summary = (inspect.getdoc(group) or "").partition("\n")[0]
    rows = "\n".join(_rows(group))
    return f"""
## {group.__name__}

{summary} In `{group.__module__}`.

| variable | allowed | default | meaning |
|---|---|---|---|
{rows}
"""


def _rows(group: type[SettingsGroup]) -> Iterator[str]:
    said = meanings(group)
    for name, field in group.model_fields.items():
        cells = (f"`{variable(group, name)}`", _allowed(field), _default(field), said[name])
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _allowed(field: FieldInfo) -> str:
    allowed = Allowed.of(field.rebuild_annotation())
    if allowed.words:
        return ", ".join(f"`{word}`" for word in allowed.words)
    if allowed.type is SecretStr:
        return "a secret"
    return allowed.interval or _KINDS.get(allowed.type, "text")


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.default_factory or value is None or value in ("", ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


_KINDS = {bool: "`true`, `false`", int: "a whole number", float: "a number", Path: "a path"}
