"""Query parameters that a route does not know are errors, as unknown fields of a body are.

What never lives here: what a parameter may be (the routes).
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params

from delivery_api.problems import ProblemError

# by the function that answers
_KNOWN: dict[Any, frozenset[str]] = {}


async def refuse_unknown(request: Request) -> None:
    """Looks at what stands behind the question mark.

    Raises:
        ProblemError: 422, naming the parameter and those that there are.
    """
    if not request.scope["query_string"]:
        return
    known = _known(request)
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        remedy = f"use {', '.join(sorted(known))}" if known else "this route takes none"
        raise ProblemError(
            422, "invalid-request", f"query parameter {unknown!r} is unknown: {remedy}"
        )


def _known(request: Request) -> frozenset[str]:
    route = request.scope["route"]
    known = _KNOWN.get(route.endpoint)
    if known is None:
        fields = get_flat_params(route.dependant)
        known = frozenset(f.alias for f in fields if isinstance(f.field_info, params.Query))
        _KNOWN[route.endpoint] = known
    return known
