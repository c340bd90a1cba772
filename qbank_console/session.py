"""Who is signed in, in this browser session.

Whom a token is of, the API says: where in it an issuer writes that is not known here. It is kept in
the session's memory and, so that a reload does not sign out, in a cookie of the browser session.
What never lives here: what a role may see (``navigation``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import jwt
import streamlit as st
import streamlit.components.v2 as components

from qbank_console.api import account
from qbank_console.api.client import Api, ApiError
from qbank_console.resources import http, settings

ROLES = ("student", "author", "reviewer", "publisher", "analyst", "admin")

_VIEWER = "viewer"
_NOTICE = "sign_in_notice"
_SIGNED_OUT = "signed_out"  # the cookie of the session's start is seen until the page is reloaded
_COOKIE = "qbank_console"
_LAUNCH = "launch"  # in the address, where a learning platform's launch leads here
_LAUNCHED = "launched_by"  # the address of the session's start is seen again for a moment
_cookie_jar = components.component(
    "qbank.cookie_jar",
    js="""
    export default function ({ data }) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      const age = data.seconds > 0 ? "" : "; Max-Age=0";
      document.cookie = `${data.name}=${data.value}; Path=/; SameSite=Strict${secure}${age}`;
    }
    """,
)


class TokenUnreadableError(Exception):
    """The text is no token."""


@dataclass(frozen=True)
class Viewer:
    """The signed-in person.

    Attributes:
        user_id: the person's id.
        tenant_id: every row shown is of this tenant.
        roles: of the roles that the API knows.
        expires_at: Unix time at which the token ends.
    """

    user_id: str
    tenant_id: str
    roles: frozenset[str]
    expires_at: float
    token: str = field(repr=False)

    def has(self, *roles: str) -> bool:
        """Whether the person has one of the roles."""
        return not self.roles.isdisjoint(roles)


def viewer() -> Viewer | None:
    """The person signed in, or None; an expired token signs out."""
    known: Viewer | None = st.session_state.get(_VIEWER)
    code = st.query_params.get(_LAUNCH)
    if code is not None and code != st.session_state.get(_LAUNCHED):
        known = _launched(code)
    if known is None:
        known = _returning()
    if known is not None and known.expires_at <= time.time():
        sign_out("Your session has ended. Sign in again.")
        return None
    return known


def current() -> Viewer:
    """The person signed in, on a page that only signed-in people reach."""
    known = viewer()
    if known is None:
        st.rerun()
        raise AssertionError("unreachable")
    return known


def api() -> Api:
    """The API as the signed-in person sees it."""
    return Api(http(), current().token)


def anonymous_api() -> Api:
    """The API before signing in."""
    return Api(http())


def sign_in(token: str) -> Viewer:
    """Signs in with a token that the API accepts.

    Raises:
        TokenUnreadableError: it is not a token of ours.
        ApiError: 401, the API does not accept the token.
        ApiUnavailableError: the API does not answer.
    """
    token = token.strip().removeprefix("Bearer ").strip()
    _refuse_other_text(token)
    found = account.caller(Api(http(), token))
    known = Viewer(
        user_id=found["user_id"],
        tenant_id=found["tenant_id"],
        roles=frozenset(found["roles"]),
        expires_at=found["expires_at"],
        token=token,
    )
    st.session_state.clear()
    st.session_state[_VIEWER] = known
    return known


def _refuse_other_text(token: str) -> None:
    try:
        jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise TokenUnreadableError(
            "This is not an access token: give the JWT of your identity provider."
        ) from error


def sign_out(notice: str = "") -> None:
    """Forgets the person and all that was entered."""
    st.session_state.clear()
    st.session_state[_SIGNED_OUT] = True
    st.session_state[_NOTICE] = notice


def take_notice() -> str:
    """What to tell the person on the sign-in page, once."""
    return str(st.session_state.pop(_NOTICE, ""))


def keep_cookie(known: Viewer | None) -> None:
    """Has the browser keep the token until it is closed, or drop it."""
    seconds = known.expires_at - time.time() if known else 0
    value = known.token if known else ""
    _cookie_jar(
        key="cookie_jar", data={"name": _COOKIE, "value": value, "seconds": seconds}, height=0
    )


def _launched(code: str) -> Viewer | None:
    """The student whom a learning platform sent here, whoever was signed in before."""
    try:
        known = sign_in(account.launch_token(anonymous_api(), code))
    except ApiError as error:
        sign_out(f"You are not signed in: {error}.")
        known = None
    st.session_state[_LAUNCHED] = code
    st.query_params.pop(_LAUNCH, None)
    return known


def _returning() -> Viewer | None:
    """The person of a page that was reloaded, or that a sign-in proxy let through."""
    token = "" if st.session_state.get(_SIGNED_OUT) else _handed_over()
    if not token:
        return None
    try:
        return sign_in(token)
    except (ApiError, TokenUnreadableError):
        sign_out()
        return None


def _handed_over() -> str:
    header = settings().console_token_header
    from_proxy = st.context.headers.get(header) if header else None
    return from_proxy or st.context.cookies.get(_COOKIE) or ""
