"""A LookML project read from disk: what the model includes, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lkml
import yaml

Block = dict[str, Any]

# the timeframes that a time group offers where it does not list any
DEFAULT_TIMEFRAMES = ("raw", "time", "date", "week", "month", "quarter", "year")
_CONSTANT = re.compile(r"@\{(\w+)\}")


class LookmlError(Exception):
    """The project is broken; the message names the file or the object, and the reference."""


@dataclass
class Field:
    """A dimension, one timeframe of a time group, or a measure."""

    view: str
    name: str
    kind: str
    block: Block
    timeframe: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.view}.{self.name}"

    @property
    def type(self) -> str:
        return str(self.block.get("type", "string"))

    @property
    def hidden(self) -> bool:
        return self.block.get("hidden") == "yes"

    @property
    def sql(self) -> str:
        default = "" if self.kind == "measure" else "${TABLE}." + str(self.block["name"])
        return str(self.block.get("sql", default)).strip()


@dataclass
class View:
    """A view with its fields in the order of the file."""

    name: str
    block: Block
    table: str
    fields: dict[str, Field]

    @property
    def primary_keys(self) -> list[Field]:
        return [f for f in self.fields.values() if f.block.get("primary_key") == "yes"]


@dataclass
class Explore:
    """A base view with the views joined to it, by alias."""

    name: str
    block: Block
    base: str
    joins: dict[str, Block] = field(default_factory=dict)

    @property
    def views(self) -> list[str]:
        return [self.base, *self.joins]


@dataclass
class Project:
    """Everything that one model sees."""

    root: Path
    constants: dict[str, str]
    model: Block
    views: dict[str, View]
    explores: dict[str, Explore]
    tests: dict[str, Block]
    datagroups: dict[str, Block]
    dashboards: dict[str, Block]
    included: set[Path]

    def constant(self, text: str) -> str:
        """Returns the text with `@{…}` replaced.

        Raises:
            LookmlError: a constant is not in the manifest.
        """

        def value(match: re.Match[str]) -> str:
            try:
                return self.constants[match[1]]
            except KeyError:
                raise LookmlError(f"no constant {match[1]!r} in the manifest: {text}") from None

        return _CONSTANT.sub(value, text)

    def field(self, full_name: str) -> Field:
        """Returns a field by `view.field`.

        Raises:
            LookmlError: there is no such view or field.
        """
        view, _, name = full_name.partition(".")
        try:
            return self.views[view].fields[name]
        except KeyError:
            raise LookmlError(f"no field {full_name!r}") from None


def read_project(root: Path) -> Project:
    """Reads the manifest, the one model and what it includes.

    Raises:
        LookmlError: a file does not parse, an include finds nothing, a name is there twice.
    """
    manifest = _parse(root / "manifest.lkml")
    models = sorted(root.glob("*.model.lkml"))
    if len(models) != 1:
        raise LookmlError(f"expected one model in {root}, found {[m.name for m in models]}")
    model = _parse(models[0])
    project = Project(
        root=root,
        constants={c["name"]: c["value"] for c in manifest.get("constants", [])},
        model=model,
        views={},
        explores={},
        tests={},
        datagroups={},
        dashboards={},
        included=set(),
    )
    _take(project, model, models[0])
    _include(project, model, models[0])
    return project


def _parse(path: Path) -> Block:
    try:
        text = path.read_text(encoding="utf-8")
        # the parser stops without a word at a brace too many: what it read must be the whole file
        if str(lkml.parse(text)).strip() != text.strip():
            raise LookmlError(f"{path}: is read only in part; look for a brace or ;; too many")
        return dict(lkml.load(text))
    except (SyntaxError, OSError) as error:
        raise LookmlError(f"{path}: {error}") from error


def _include(project: Project, block: Block, path: Path) -> None:
    for pattern in block.get("includes", []):
        found = _matches(project.root, path, pattern)
        if not found:
            raise LookmlError(f"{path.name}: include {pattern!r} finds no file")
        for target in found:
            if target in project.included:
                continue
            project.included.add(target)
            if target.name.endswith(".dashboard.lookml"):
                _take_dashboards(project, target)
            else:
                parsed = _parse(target)
                _take(project, parsed, target)
                _include(project, parsed, target)


def _matches(root: Path, path: Path, pattern: str) -> list[Path]:
    base, relative = (root, pattern[1:]) if pattern.startswith("/") else (path.parent, pattern)
    return sorted(base.glob(relative))


def _take(project: Project, block: Block, path: Path) -> None:
    for view in block.get("views", []):
        _new(project.views, view["name"], _view(project, view), path)
    for explore in block.get("explores", []):
        _new(project.explores, explore["name"], _explore(explore), path)
    for datagroup in block.get("datagroups", []):
        _new(project.datagroups, datagroup["name"], datagroup, path)
    for test in block.get("tests", []):
        _new(project.tests, test["name"], test, path)


def _take_dashboards(project: Project, path: Path) -> None:
    for dashboard in yaml.safe_load(path.read_text(encoding="utf-8")):
        _new(project.dashboards, dashboard["dashboard"], dashboard, path)


def _new(table: dict[str, Any], name: str, value: Any, path: Path) -> None:
    if name in table:
        raise LookmlError(f"{path.name}: {name!r} is there twice")
    table[name] = value


def _view(project: Project, block: Block) -> View:
    fields: dict[str, Field] = {}
    for found in _fields(block):
        if found.name in fields:
            raise LookmlError(f"{found.full_name!r} is there twice")
        fields[found.name] = found
    table = project.constant(str(block.get("sql_table_name", block["name"])).strip())
    return View(block["name"], block, table, fields)


def _fields(block: Block) -> Iterator[Field]:
    view = block["name"]
    for dimension in block.get("dimensions", []):
        yield Field(view, dimension["name"], "dimension", dimension)
    for group in block.get("dimension_groups", []):
        for timeframe in group.get("timeframes", DEFAULT_TIMEFRAMES):
            yield Field(view, f"{group['name']}_{timeframe}", "dimension", group, timeframe)
    for measure in block.get("measures", []):
        yield Field(view, measure["name"], "measure", measure)


def _explore(block: Block) -> Explore:
    joins = {join["name"]: join for join in block.get("joins", [])}
    return Explore(block["name"], block, block.get("view_name", block["name"]), joins)
