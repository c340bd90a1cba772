"""The console as a server: Streamlit's, with a first page of our own around it.

The first page is Streamlit's, with our title, style sheet and script in it, so that they are there
before the first run of ``app.py``. What never lives here: what a page shows.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit.file_util import get_static_dir

from qbank_console.navigation import ENTRIES

HERE = Path(__file__).resolve().parent
PATHS = ("/", *(f"/{entry.url}" for entry in ENTRIES))
_TITLE = "<title>Streamlit</title>"


def first_page() -> str:
    """The HTML in which Streamlit draws.

    Raises:
        RuntimeError: this Streamlit's page has no title where ours should be.
    """
    theirs = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    if _TITLE not in theirs:
        raise RuntimeError(f"Streamlit's index.html has no {_TITLE}: look what it has now")
    style, script = (
        (HERE / "assets" / name).read_text(encoding="utf-8")
        for name in ("console.css", "console.js")
    )
    ours = f"<title>qbank</title><style>{style}</style><script>{script}</script>"
    return theirs.replace(_TITLE, ours, 1)


_PAGE = first_page()


def _answer(_: Request) -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Cache-Control": "no-cache"})


app = st.App(HERE / "app.py", routes=[Route(path, _answer) for path in PATHS])
