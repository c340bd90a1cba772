"""Query parameters that a route does not know are errors, as unknown fields of a body are.

A route class and not a dependency, which would cost each request of a quiz a hundredth of its time.
Forms, which are written as queries are, are read here, too. What never lives here: what a parameter
may be (the routes).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from delivery_api.problems import ProblemError

# by the function that answers
_KNOWN: dict[Any, frozenset[str]] = {}


class StrictRoute(APIRoute):
    """A route that takes the query parameters that it declares, and no others."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind a look at what stands behind the question mark."""
        answer = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if request.scope["query_string"]:
                _refuse_unknown(request)
            return await answer(request)

        return strictly


async def form_fields(request: Request, most: int) -> list[tuple[str, str]]:
    """The fields of a body that is a form, as they come.

    Raises:
        ValueError: it is none, or has more fields than that.
    """
    return parse_qsl(
        (await request.body()).decode("ascii"),
        keep_blank_values=True,
        errors="strict",
        max_num_fields=most,
    )


def _refuse_unknown(request: Request) -> None:
    known = _known(request)
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        remedy = f"use {', '.join(sorted(known))}" if known else "this route takes none"
        raise ProblemError(
            422, "invalid-request", f"query parameter {unknown!r} is unknown: {remedy}"
        )


def _is_query(info: Any) -> bool:
    # a field of a model of query parameters is no parameter itself
    return isinstance(info, params.Query) or not isinstance(info, params.Param)


def _known(request: Request) -> frozenset[str]:
    route = request.scope["route"]
    known = _KNOWN.get(route.endpoint)
    if known is None:
        fields = get_flat_params(route.dependant)
        known = frozenset(f.alias for f in fields if _is_query(f.field_info))
        _KNOWN[route.endpoint] = known
    return known
