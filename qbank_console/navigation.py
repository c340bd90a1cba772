"""Which pages there are, in which order, and which roles see them.

What never lives here: pages, and protection: the API and the read-only role of Postgres protect;
here a page that would be refused is not offered.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:  # the server asks for the addresses before there can be a session
    from qbank_console.session import Viewer

ANALYSTS = ("analyst", "admin")
EDITORS = ("author", "reviewer", "publisher", "admin")


@dataclass(frozen=True)
class Entry:
    """One page: its address, its module in ``views``, and who is offered it."""

    section: str
    url: str
    title: str
    icon: str
    module: str
    roles: tuple[str, ...]


ENTRIES = (
    Entry("Learn", "quiz", "Take a quiz", "edit_note", "student.quiz", ("student",)),
    Entry("Learn", "my-mastery", "My mastery", "trending_up", "student.mastery", ("student",)),
    Entry("Write", "questions", "Questions", "library_books", "author.questions", EDITORS),
    Entry("Write", "write", "Write", "edit_square", "author.write", ("author", "admin")),
    Entry("Write", "review", "Review and publish", "rate_review", "author.review", EDITORS),
    Entry("Analyse", "overview", "Overview", "dashboard", "analyst.overview", ANALYSTS),
    Entry(
        "Analyse", "item-health", "Item health", "monitor_heart", "analyst.item_health", ANALYSTS
    ),
    Entry("Analyse", "fairness", "Fairness and fit", "balance", "analyst.fairness", ANALYSTS),
    Entry("Analyse", "item", "Item", "target", "analyst.item", ANALYSTS),
    Entry("Analyse", "mastery", "Topic mastery", "school", "analyst.mastery", ANALYSTS),
    Entry("Analyse", "coverage", "Blueprint coverage", "grid_view", "analyst.coverage", ANALYSTS),
    Entry("Analyse", "exposure", "Exposure", "visibility", "analyst.exposure", ANALYSTS),
    Entry("Analyse", "rules", "Selection rules", "alt_route", "analyst.rules", ANALYSTS),
    Entry("Analyse", "report", "Technical report", "description", "analyst.report", ANALYSTS),
    Entry("Analyse", "experiment", "Experiment", "science", "analyst.experiment", ANALYSTS),
    Entry("Operate", "exams", "Exams", "assignment", "admin.exams", ("admin",)),
    Entry("Operate", "control", "Exposure control", "tune", "admin.control", ("admin",)),
    Entry("Operate", "calibrate", "Calibrate", "model_training", "admin.calibrate", ("admin",)),
    Entry("Operate", "runs", "Runs", "history", "admin.runs", ("admin",)),
    Entry("Operate", "flags", "Flags and cohorts", "flag", "admin.flags", ("admin",)),
)


def pages_of(viewer: Viewer) -> dict[str, list[Any]]:
    """The pages that a person is offered, by section; the others say what they would need."""
    offered: dict[str, list[Any]] = {}
    hidden = []
    for entry in ENTRIES:
        if viewer.has(*entry.roles):
            offered.setdefault(entry.section, []).append(_page(entry))
        else:
            hidden.append(_page(entry, partial(_needs_role, entry), visible=False))
    return {"": [_home(partial(_go_home, offered)), *hidden]} | offered


def pages_before_sign_in(draw: Callable[[], None]) -> list[Any]:
    """Every address leads to the form, and after signing in to what was asked for."""
    return [_home(draw), *(_page(entry, draw, visible=False) for entry in ENTRIES)]


def page(url: str) -> Any:
    """The page of an address, to link to."""
    return _page(next(entry for entry in ENTRIES if entry.url == url))


def _home(draw: Callable[[], None]) -> Any:
    return st.Page(_named(draw, "home"), title="qbank", default=True, visibility="hidden")


def _page(entry: Entry, draw: Callable[[], None] | None = None, *, visible: bool = True) -> Any:
    return st.Page(
        _named(draw or partial(_draw, entry), entry.url),
        title=entry.title,
        icon=f":material/{entry.icon}:",
        url_path=entry.url,
        visibility="visible" if visible else "hidden",
    )


def _named(draw: Callable[[], None], name: str) -> Callable[[], None]:
    """Streamlit asks for the name of what draws a page."""
    named = partial(draw)
    named.__name__ = name  # type: ignore[attr-defined]  # functions have one
    return named


def _draw(entry: Entry) -> None:
    # a page's libraries are loaded with the page
    importlib.import_module(f"qbank_console.views.{entry.module}").page()


def _go_home(offered: dict[str, list[Any]]) -> None:
    for pages in offered.values():
        st.switch_page(pages[0])
    st.info(
        "Your token carries none of the roles student, author, reviewer, publisher, analyst or "
        "admin. Ask your administrator for one, then sign in again.",
        icon=":material/badge:",
    )


def _needs_role(entry: Entry) -> None:
    st.title(entry.title, anchor=False)
    st.info(
        f"This page is for the role {' or '.join(entry.roles)}. Ask your administrator for it, "
        "then sign in again.",
        icon=":material/lock:",
    )
