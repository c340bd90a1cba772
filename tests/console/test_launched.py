"""Somebody whom a learning platform launched is signed in by the address, once."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from qbank_console import session
from qbank_console.api.client import ApiError


def script() -> None:
    import streamlit as st

    from qbank_console import session

    known = session.viewer()
    st.text(known.user_id if known else f"nobody: {session.take_notice()}")


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Codes that the API gives a token for, each once."""
    left = ["good", "again"]

    def token(api: object, code: str) -> str:
        if code not in left:
            raise ApiError(401, "the launch is too old")
        left.remove(code)
        return f"token of {code}"

    def caller(api: session.Api) -> dict[str, object]:
        return {
            "user_id": f"who has the {api.token}",
            "tenant_id": "demo",
            "roles": ["student"],
            "expires_at": time.time() + 60,
        }

    monkeypatch.setattr(session, "http", lambda: None)
    monkeypatch.setattr(session, "_refuse_other_text", lambda token: None)
    monkeypatch.setattr(session.account, "launch_token", token)
    monkeypatch.setattr(session.account, "caller", caller)
    return left


def opened(code: str) -> AppTest:
    page = AppTest.from_function(script)
    page.query_params["launch"] = code
    return page.run()


def test_a_code_signs_in_and_leaves_the_address(codes):
    page = opened("good")
    assert page.text[0].value == "who has the token of good"
    assert "launch" not in page.query_params
    # the browser may show the address of the beginning once more
    page.query_params["launch"] = "good"
    assert page.run().text[0].value == "who has the token of good"
    page.query_params["launch"] = "again"
    assert page.run().text[0].value == "who has the token of again"


def test_a_code_that_is_too_old_signs_nobody_in(codes):
    page = opened("old")
    assert page.text[0].value == "nobody: You are not signed in: the launch is too old."
