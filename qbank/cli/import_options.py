"""Options of the commands that import, made from the declarations of what an upload may say.

What never lives here: what an option means.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from qbank.cli.request_options import Command, given_by
from qbank.errors import ImportFileError
from qbank.requests import Allowed
from qbank.requests.base import marker
from qbank.requests.imports import ImportOptions, Shown
from qbank.vocabulary import refuse_other_words


def import_options(options: type[ImportOptions]) -> Callable[[Command], Command]:
    """Gives a command an option for each field, for its ``**given``: ``asked``."""
    fields = options.model_fields
    allowed = {name: Allowed.of(field.rebuild_annotation()) for name, field in fields.items()}
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default if field.default != [] else None,
            annotation=_annotation(name, allowed[name], field),
        )
        for name, field in fields.items()
    ]

    def read(values: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in values.items() if value is not None}
        refuse_other_words(
            ImportFileError,
            [
                (_option(name), value, allowed[name].words)
                for name, value in given.items()
                if allowed[name].words
            ],
        )
        try:
            return {"asked": options.model_validate(given)}
        except ValidationError as error:
            first = error.errors()[0]
            name = _option(str(first["loc"][0]))
            raise ImportFileError(f"{name} is {first['input']!r}: {first['msg']}") from error

    return given_by(parameters, read)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _annotation(name: str, allowed: Allowed, field: FieldInfo) -> Any:
    shown = marker(field, Shown)
    more: dict[str, Any] = {"help": field.description}
    if allowed.type is bool:
        return Annotated[bool, typer.Option(_option(name), **more)]
    if shown:
        more["metavar"] = shown.metavar
    if allowed.item is not None:
        return Annotated[list[str] | None, typer.Option(_option(name), **more)]
    if allowed.low is not None:
        more["min"] = allowed.low
    kind = allowed.type if field.default is not None else allowed.type | None
    return Annotated[kind, typer.Option(_option(name), **more)]
