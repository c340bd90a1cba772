"""Options of a command, made from the parameters of the request that it makes."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from qbank.requests import Allowed, Request, RequestError

Command = TypeVar("Command", bound=Callable[..., None])


def options_of(request: type[Request]) -> Callable[[Command], Command]:
    """Gives a command an option for each parameter, in place of its ``**given``.

    What is left out on the command line is not in ``given``. Numbers are judged when the request
    is resolved, with the exam's own values beside them.
    """
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if field.annotation is bool else None,
            annotation=_annotation(name, Allowed.of(field.rebuild_annotation()), field),
        )
        for name, field in request.parameters()
    ]

    def read(values: dict[str, Any]) -> dict[str, Any]:
        given = {name: _read(request, name, value) for name, value in values.items()}
        return {name: value for name, value in given.items() if value is not None}

    return given_by(options, read)


def given_by(
    options: Sequence[inspect.Parameter], read: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[Command], Command]:
    """Gives a command options in place of its ``**given``.

    Args:
        options: keyword parameters with Typer's annotations.
        read: what the command is given, from the options' values by name.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        own = inspect.signature(command).parameters.values()

        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            typed = {option.name: values.pop(option.name) for option in options}
            command(**values, **read(typed))

        kept = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
            for parameter in own
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        with_options.__signature__ = inspect.Signature([*kept, *options])  # type: ignore[attr-defined]  # functions may have one
        with_options.__annotations__ = {p.name: p.annotation for p in (*kept, *options)}
        return with_options  # type: ignore[return-value]  # of the signature it shows

    return decorate


def _annotation(name: str, allowed: Allowed, field: Any) -> Any:
    option = f"--{name.replace('_', '-')}"
    if allowed.type is bool:
        return Annotated[bool, typer.Option(option, help=field.description)]
    if allowed.value is not None:
        text = f"{field.description} As JSON, e.g. '{{\"Sets\": 0.1}}'."
        return Annotated[str | None, typer.Option(option, help=text, metavar="JSON")]
    form = f" ({allowed})" if allowed.words or allowed.interval else ""
    text = f"{field.description.rstrip('.')}{form}."
    return Annotated[allowed.type | None, typer.Option(option, help=text)]


def _read(request: type[Request], name: str, value: Any) -> Any:
    """A mapping from its text; anything else is what it is."""
    field = request.model_fields[name]
    if value is None or Allowed.of(field.rebuild_annotation()).value is None:
        return value
    option = f"--{name.replace('_', '-')}"
    try:
        mapping = json.loads(value)
    except ValueError as error:
        raise RequestError(f"{option} {value!r} is no JSON object: {error}") from error
    if not isinstance(mapping, dict):
        raise RequestError(f'{option} {value!r} is no JSON object: write {{"topic": 0.1}}')
    return mapping
