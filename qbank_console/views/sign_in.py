"""Signing in: with a token, or in development as anyone. What never lives here: checking tokens."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from qbank_console import resources, session
from qbank_console.api import account
from qbank_console.api.client import ApiError, ApiUnavailableError
from qbank_console.problems import said


def page() -> None:
    """A narrow form in the middle."""
    _, middle, _ = st.columns([1, 1.6, 1])
    with middle:
        st.space("medium")
        st.title("Sign in to qbank", anchor=False)
        notice = session.take_notice()
        if notice:
            st.info(notice)
        if resources.settings().env != "prod":
            development, token = st.tabs(["Development sign-in", "Access token"])
            with development:
                _mock_login()
            with token:
                _token()
        else:
            _token()


def _mock_login() -> None:
    with st.form("mock_login", border=False):
        st.markdown(":gray[Be anybody, on a development server only.]")
        user = st.text_input("User", value="ada", required=True)
        roles = st.pills(
            "Roles", session.ROLES, selection_mode="multi", default=["analyst"], key="roles"
        )
        tenant = st.text_input("Tenant", value="demo", required=True)
        if st.form_submit_button("Sign in", type="primary", width="stretch"):
            if not roles:
                st.error("Choose at least one role.")
                return
            _enter(lambda: account.mock_login(session.anonymous_api(), user, list(roles), tenant))


def _token() -> None:
    with st.form("token", border=False):
        st.markdown(":gray[Paste the access token (JWT) that your identity provider gave you.]")
        token = st.text_input("Access token", type="password", required=True)
        if st.form_submit_button("Sign in", type="primary", width="stretch"):
            _enter(lambda: token)


def _enter(issue: Callable[[], str]) -> None:
    try:
        with st.spinner("Signing in …"):
            session.sign_in(issue())
    except ApiError as error:
        st.error(_explained(error), icon=":material/error:")
    except (ApiUnavailableError, session.TokenUnreadableError) as error:
        st.error(str(error), icon=":material/error:")
    else:
        st.rerun()


def _explained(error: ApiError) -> str:
    if error.status == 404:
        return "This server does not offer development sign-in. Use an access token."
    if error.status == 401:
        return f"The API does not accept this token: {error}."
    return said(error)
