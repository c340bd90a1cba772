"""``ETag`` and ``If-Match`` (RFC 9110, 8.8.3, 13.1.1): nobody overwrites what they have not seen.

An entity tag is of all that a reply says, so whatever changes it makes another one. What never
lives here: the locks that keep a thing as it was compared (``Change``'s transaction has them).
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import Header, Response
from pydantic_core import to_json

from delivery_api.problems import ProblemError

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e]*"'
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=rf"^(?:\*|{_TAG}(?:\s*,\s*{_TAG})*)$",
        max_length=1000,
        description="`ETag` of what is to be changed, as it was read; 412 where it is another now",
    ),
]
TAGGED: Final[dict[str, Any]] = {
    "description": "OK",
    "headers": {
        "ETag": {
            "description": "of what is told here, for `If-Match`",
            "schema": {"type": "string"},
        }
    },
}
"""OpenAPI entry of a reply that has an ``ETag``."""


def etag(reply: Any) -> str:
    """The entity tag of what a reply says: a model, or a list of them."""
    return f'"{hashlib.sha256(to_json(reply)).hexdigest()[:32]}"'


def tag(response: Response, reply: Any) -> None:
    """Sends the entity tag with a reply."""
    response.headers["ETag"] = etag(reply)


def refuse_another(if_match: str | None, current: Any, what: str) -> None:
    """Lets a change pass only where what is to be changed is what its caller has seen.

    Args:
        if_match: as the request has it; without one any change passes.
        current: what would be told of the thing now; it is held until the change is made.
        what: names the thing.

    Raises:
        ProblemError: 412.
    """
    if if_match is None or if_match == "*":
        return
    now = etag(current)
    # compared strongly: a weak tag is none of ours
    if now not in re.findall(_TAG, if_match):
        raise ProblemError(
            412,
            "precondition-failed",
            f"{what} has changed since it was read as {if_match}: read it again, it is {now} now",
        )
