"""Options of ``qbank exam``, made from the settings of an exam."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from qbank.cli.request_options import Command, given_by
from qbank.exams.settings import Setting, place, settings
from qbank.requests import Allowed

DEFAULT, NONE = "default", "none"
"""What is typed for the default, and for a None that is a value of its own."""


def options_of_settings() -> Callable[[Command], Command]:
    """Gives a command an option for each setting; its ``**given`` is as ``ExamSettings`` has it.

    Values are judged by the declaration, so that a wrong one reads the same everywhere.
    """
    known = {setting.option: setting for setting in settings()}
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(setting),
        )
        for name, setting in known.items()
    ]

    def read(values: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, typed in values.items():
            if typed is not None:
                place(given, known[name], _value(known[name], typed))
        return given

    return given_by(options, read)


def _annotation(setting: Setting) -> Any:
    name, allowed = setting.option.replace("_", "-"), setting.allowed
    text = str(setting.field.description).rstrip(".")
    if allowed.type is bool:
        return Annotated[bool | None, typer.Option(f"--{name}/--no-{name}", help=f"{text}.")]
    also = f", or {NONE}" if setting.allows_none else ""
    form = f"{allowed}{also}"
    shape = "LIST" if allowed.item else "JSON" if allowed.value else allowed.type.__name__.upper()
    return Annotated[str | None, typer.Option(f"--{name}", metavar=shape, help=f"{text} ({form}).")]


def _value(setting: Setting, typed: str | bool) -> Any:  # noqa: FBT001  (a switch's)
    """What was typed, as the setting's type where it can be; else as it is, to be refused."""
    if isinstance(typed, bool):
        return typed
    if typed == DEFAULT and setting.path != "title":  # which may be any word
        # None stands for the default, unless it is a value itself
        return setting.default if setting.allows_none else None
    if typed == NONE and setting.allows_none:
        return None
    return _read(setting.allowed, typed)


def _read(allowed: Allowed, typed: str) -> Any:
    try:
        if allowed.item is not None:
            return [word.strip() for word in typed.split(",")]
        if allowed.value is not None:
            return json.loads(typed)
        return allowed.type(typed)
    except ValueError:
        return typed
