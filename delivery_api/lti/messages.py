"""What a platform's signed message says (LTI Core 1.3, 5 and 6), read strictly.

What never lives here: whether it may be believed (``launching``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from delivery_api.issuers import is_name

CLAIM: Final = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING: Final = "https://purl.imsglobal.org/spec/lti-dl/claim/"
GRADES: Final = "https://purl.imsglobal.org/spec/lti-ags/"
SCORE_SCOPE: Final = f"{GRADES}scope/score"
VERSION: Final = "1.3.0"
EXAM: Final = "exam"
"""The custom parameter by which a link names its exam."""
Kind = Literal["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
_LONGEST: Final = 4096
# a bare name is a role in the course (Core, A.2)
_IN_COURSE: Final = r"(?:http://purl\.imsglobal\.org/vocab/lis/v2/membership#)?"
_LEARNER: Final = re.compile(_IN_COURSE + "Learner")
_TEACHER: Final = re.compile(
    _IN_COURSE + r"(?:Instructor|ContentDeveloper|Administrator)"
    r"|http://purl\.imsglobal\.org/vocab/lis/v2/membership/(?:Instructor|ContentDeveloper"
    r"|Administrator)#\w+"
)
_OFFICER: Final = re.compile(
    r"http://purl\.imsglobal\.org/vocab/lis/v2/(?:institution|system)/person#(?:Administrator"
    r"|SysAdmin|Instructor|Faculty|Staff)"
)


class MessageError(Exception):
    """A message that is not what the specifications say; the text may be shown."""


@dataclass(frozen=True, slots=True)
class DeepLink:
    """Where the platform wants to be told what was chosen.

    Attributes:
        data: what it wants back as it is; None: nothing.
        takes_line_item: whether what is chosen may say that it is scored.
    """

    return_url: str
    data: str | None
    takes_line_item: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A launch.

    Attributes:
        subject: the platform's id of the person.
        deployment_id: where in the platform the tool is installed.
        exam_code: what the link names; None: none.
        resource_link_id: the link; empty where one is only being chosen.
        is_learner, is_teacher: in the course; an officer of the institution teaches where
            they do not learn.
        line_item_url: where the score of the link goes; None: the platform takes none.
        deep_link: where a link is being chosen.
    """

    kind: Kind
    subject: str
    deployment_id: str
    exam_code: str | None
    resource_link_id: str
    is_learner: bool
    is_teacher: bool
    line_item_url: str | None
    deep_link: DeepLink | None


def read(claims: Mapping[str, Any]) -> Message:
    """The message of verified claims.

    Raises:
        MessageError: a claim is missing or is not what it should be.
    """
    if claims.get(f"{CLAIM}version") != VERSION:
        raise MessageError(f"the message is not of LTI {VERSION}")
    kind = claims.get(f"{CLAIM}message_type")
    if kind not in ("LtiResourceLinkRequest", "LtiDeepLinkingRequest"):
        raise MessageError(f"messages of type {kind!r:.100} are not taken here")
    roles = claims.get(f"{CLAIM}roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise MessageError("the message says no roles")
    is_learner = any(_LEARNER.fullmatch(role) for role in roles)
    is_teacher = any(_TEACHER.fullmatch(role) for role in roles)
    is_officer = any(_OFFICER.fullmatch(role) for role in roles)
    links = kind == "LtiResourceLinkRequest"
    link = claims.get(f"{CLAIM}resource_link")
    custom = claims.get(f"{CLAIM}custom")
    return Message(
        kind=kind,
        subject=_subject(claims.get("sub")),
        deployment_id=_text(claims.get(f"{CLAIM}deployment_id"), "deployment_id"),
        exam_code=_exam(custom),
        resource_link_id=_text(_member(link, "id"), "resource_link.id") if links else "",
        is_learner=is_learner,
        is_teacher=is_teacher or (is_officer and not is_learner),
        line_item_url=_line_item(claims.get(f"{GRADES}claim/endpoint")) if links else None,
        deep_link=None if links else _deep_link(claims),
    )


def _subject(value: object) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise MessageError(
            "the message names no person (sub): have the platform tell the tool who launches"
        )
    return value


def _text(value: object, what: str) -> str:
    # Postgres keeps it: no NUL, no half of a surrogate pair
    if not isinstance(value, str) or not is_name(value):
        raise MessageError(f"the message says no {what} of 1 to 255 characters")
    return value


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _exam(custom: object) -> str | None:
    named = _member(custom, EXAM)
    return named.strip() if isinstance(named, str) and is_name(named.strip()) else None


def _line_item(endpoint: object) -> str | None:
    """Where the score goes, if there is a place and the platform lets the tool write there."""
    scopes, url = _member(endpoint, "scope"), _member(endpoint, "lineitem")
    may_write = isinstance(scopes, list) and SCORE_SCOPE in scopes
    return _address(url, "lineitem") if may_write and url is not None else None


def _deep_link(claims: Mapping[str, Any]) -> DeepLink:
    told = claims.get(f"{DEEP_LINKING}deep_linking_settings")
    if "ltiResourceLink" not in (_member(told, "accept_types") or ()):
        raise MessageError("the platform takes no links of tools here (ltiResourceLink)")
    data = _member(told, "data")
    return DeepLink(
        _address(_member(told, "deep_link_return_url"), "deep_link_return_url"),
        data if isinstance(data, str) else None,
        _member(told, "accept_lineitem") is not False,
    )


def _address(value: object, what: str) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST and is_name(value[:255]):
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme in ("http", "https") and parts.hostname and value.isprintable():
            return value
    raise MessageError(f"the message's {what} is no address")
