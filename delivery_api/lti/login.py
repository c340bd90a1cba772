"""The way to a platform and back: whose login it is, and the state that holds both ends together.

A state is signed and kept by nobody; the browser that it was given to shows it again by a cookie,
so that nobody is signed in by somebody else's message. What never lives here: the message.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import jwt

from delivery_api.lti.pages import LaunchError

STATE_S: Final = 600
"""A platform, and a person who signs in there first, have so many seconds."""
_COOKIE: Final = "qbank_lti_"


@dataclass(frozen=True, slots=True)
class Choice:
    """A registration that a login may be of."""

    platform: UUID
    tenant_id: str
    client_id: str
    deployment_ids: list[str]


@dataclass(frozen=True, slots=True)
class State:
    """Whose login a launch answers.

    Attributes:
        nonce: what the message has to say, once.
        ends_at: Unix time.
    """

    platform: str
    tenant_id: str
    nonce: str
    ends_at: float


def chosen(found: Sequence[Choice], asked: Mapping[str, str]) -> Choice:
    """The registration that a login is of.

    Raises:
        LaunchError: there is none, or it cannot be told which.
    """
    client, deployment = asked.get("client_id"), asked.get("lti_deployment_id")
    fitting = [
        one
        for one in found
        if client in (None, one.client_id) and deployment in (None, *one.deployment_ids)
    ]
    if not fitting:
        raise LaunchError(
            403,
            "This learning platform is not registered here",
            f"No registration has issuer {asked['iss']!r:.200} with client id {client!r:.200} and"
            f" deployment {deployment!r:.200}. An administrator of this server registers it with"
            " `qbank lti add`.",
        )
    if len(fitting) > 1:
        raise LaunchError(
            400,
            "Which registration is meant cannot be told",
            f"Several have issuer {asked['iss']!r:.200}, and the platform says no client_id.",
        )
    return fitting[0]


def seal(key: bytes, state: State) -> str:
    """The state as the platform hands it back."""
    claims = {
        "p": state.platform,
        "t": state.tenant_id,
        "n": state.nonce,
        "exp": int(state.ends_at),
    }
    return jwt.encode(claims, key, "HS256", headers={"typ": "lti-state"})


def opened(key: bytes, sealed: str, cookies: Mapping[str, str]) -> State:
    """The state that a launch brings, to the browser that it was given to.

    Raises:
        LaunchError: it is another's, too old, or none of ours.
    """
    again = "Close this page and open the exam from your course again."
    try:
        claims = jwt.decode(sealed, key, ["HS256"], options={"require": ["exp"]})
    except jwt.ExpiredSignatureError as error:
        raise LaunchError(400, "Signing in took too long", again) from error
    except (jwt.PyJWTError, OverflowError, RecursionError) as error:
        raise LaunchError(400, "This page is reached from a course alone", again) from error
    name, value = cookie(sealed)
    if not hmac.compare_digest(cookies.get(name, ""), value):
        raise LaunchError(
            400,
            "Your browser did not keep this sign-in",
            "It was begun in another browser, or cookies are blocked inside the frame. Have the"
            " exam open in a new window (a setting of the activity), or allow cookies for it.",
        )
    return State(claims["p"], claims["t"], claims["n"], float(claims["exp"]))


def begun(choice: Choice) -> State:
    """The state of a new login."""
    nonce, ends_at = secrets.token_urlsafe(24), time.time() + STATE_S
    return State(str(choice.platform), choice.tenant_id, nonce, ends_at)


def cookie(sealed: str) -> tuple[str, str]:
    """Name and value of the cookie of a state; several logins may be under way at once."""
    digest = hashlib.sha256(sealed.encode()).hexdigest()
    return _COOKIE + digest[:16], digest


def cookie_header(sealed: str) -> str:
    """``Set-Cookie`` of a state: sent also from a platform's page, and within its frame.

    ``Partitioned`` has browsers keep it apart for that platform where they would refuse it.
    """
    name, value = cookie(sealed)
    return (
        f"{name}={value}; Max-Age={STATE_S}; Path=/lti; Secure; HttpOnly; SameSite=None;"
        " Partitioned"
    )


def with_query(url: str, more: Mapping[str, Any]) -> str:
    """The address with more parameters behind those that it has."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
