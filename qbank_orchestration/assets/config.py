"""Run config of the calibration assets, made from the requests that they carry out."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import dagster as dg
from pydantic import Field

from qbank.requests import Allowed, Request, with_fields


class RequestConfig(dg.Config):
    """How work is asked for.

    Attributes:
        run_id: the queued row that asks for it, with its own parameters; one is made where there
            is none.
        requested_by: who asks.
    """

    run_id: str | None = None
    requested_by: str = "orchestration"

    def given(self, request: type[Request]) -> dict[str, Any]:
        """The request's parameters that are given; what is left out is the exam's."""
        values = {name: getattr(self, name) for name, _ in request.parameters()}
        return {
            name: value.value if isinstance(value, Enum) else value
            for name, value in values.items()
            if value is not None
        }


C = TypeVar("C", bound=RequestConfig)


def configures(request: type[Request]) -> Callable[[type[C]], type[C]]:
    """Adds each parameter of a request to the config of the work that carries it out.

    Numbers are judged with the exam's own values beside them, by the run, whose row then says what
    is wrong; words are judged by Dagit already.
    """
    fields: dict[str, Any] = {}
    for parameter, field in request.parameters():
        allowed = Allowed.of(field.rebuild_annotation())
        if allowed.type is bool:
            fields[parameter] = (bool, Field(default=False, description=field.description))
            continue
        numbers = f" Give {allowed}." if allowed.interval or allowed.value else ""
        text = f"{field.description}{numbers} Left out: the exam's."
        kind_of_value = _type(parameter, allowed) | None
        fields[parameter] = (kind_of_value, Field(default=None, description=text))
    return with_fields(fields)


def _type(parameter: str, allowed: Allowed) -> Any:
    if allowed.words:
        return Enum(parameter.title(), {word: word for word in allowed.words})
    return dict[str, float] if allowed.value is not None else allowed.type
