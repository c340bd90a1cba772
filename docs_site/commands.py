"""The reference of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from qbank.cli.commands import tree

_HEAD = """# Command line

All commands of `qbank`, as `--help` has them. An error is one line on stderr and exit code 2;
`QBANK_DEBUG=1` shows its traceback. In a checkout it is `.venv/bin/qbank`.
"""


def walk(command: Any = None, path: str = "qbank") -> Iterator[tuple[str, Any]]:
    """Each command and group with what is typed for it, groups before what is in them."""
    command = command or tree()
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), f"{path} {name}")


def markdown() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(path, command) for path, command in walk() if path != "qbank")


def _section(path: str, command: Any) -> str:
    marks = "#" * len(path.split())
    text = f"\n{marks} {path}\n\n{inspect.cleandoc(command.help or '')}\n"
    if hasattr(command, "list_commands"):
        return text
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    words = [_name(p) if p.required else f"[{_name(p)}]" for p in arguments]
    needed = [f"{p.opts[0]} {_value(p, command)}" for p in options if p.required]
    rest = ["[OPTIONS]"] if len(options) > len(needed) else []
    usage = " ".join([path, *words, *needed, *rest])
    return f"{text}\n```text\n{usage}\n```\n" + _table(command, [*arguments, *options])


def _table(command: Any, params: list[Any]) -> str:
    if not params:
        return ""
    rows = "\n".join(
        f"| {_names(param)} | {_cell(_value(param, command))} | {_default(param)} "
        f"| {_cell(param.help or '')} |"
        for param in params
    )
    return f"\n| option | value | left out | meaning |\n|---|---|---|---|\n{rows}\n"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_name(param)}`"
    return ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _value(param: Any, command: Any) -> str:
    if getattr(param, "is_flag", False):
        return ""
    text = str(param.metavar or param.display_type(typer.Context(command)))
    words = text.strip("<>").replace("|", " or ")
    return {"str": "text", "int": "whole number", "float": "number"}.get(words, words)


def _default(param: Any) -> str:
    if param.required:
        return "needed"
    if param.default in (None, False, "") or callable(param.default):
        return ""
    if isinstance(param.default, list | tuple):
        return " ".join(f"`{one}`" for one in param.default)
    return f"`{param.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
