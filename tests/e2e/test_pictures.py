"""Every page at two widths and in two themes: whole, no wider than the screen, for everyone.

``PICTURES=folder pytest tests/e2e/test_pictures.py`` keeps the pictures, to be looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qbank.postgres import connect
from qbank_console.navigation import ENTRIES
from tests.e2e.accessibility import Theme, violations
from tests.e2e.conftest import MakeVisitor
from tests.e2e.visiting import ROLES, Visitor

# each width and each theme on every page; all four pairs would take twice as long
SHOWN: tuple[tuple[int, Theme], ...] = ((1280, "light"), (400, "dark"))


def in_view(person: Visitor) -> bool:
    """Whether the page fits its width: only tables may be scrolled sideways, in themselves."""
    return bool(
        person.page.evaluate(
            """() => {
              const main = document.querySelector('[data-testid=stMain]');
              return main.scrollWidth <= main.clientWidth + 1;
            }"""
        )
    )


@pytest.mark.parametrize(("width", "theme"), SHOWN)
def test_every_page_fits_is_whole_and_is_for_everyone(
    visitor: MakeVisitor, pictures: Path, width: int, theme: Theme
) -> None:
    with connect("analyst") as connection:
        row = connection.execute(
            """SELECT question_id, version, user_id FROM analytics.item_health
               CROSS JOIN (SELECT user_id FROM analytics.topic_mastery LIMIT 1) AS someone
               WHERE exam_code = 'MED-A' AND a IS NOT NULL
               ORDER BY attempts DESC LIMIT 1"""
        ).fetchone()
    assert row is not None
    question, version, student = row
    person = visitor(width)
    person.page.emulate_media(color_scheme=theme)
    person.page.goto(person.url)
    person.button("Sign in").first.wait_for()
    person.settle()
    person.picture(pictures / f"sign-in-{width}.png")
    wrong = [f"sign-in, {said}" for said in violations(person.page)]
    person.sign_in(student, *ROLES)
    too_wide = []
    for name in (entry.url for entry in ENTRIES):
        query = f"&item={question}.{version}" if name == "item" else ""
        person.goto(f"{name}?exam=MED-A{query}")
        person.picture(pictures / f"{name}-{width}.png")
        person.saw_nothing_wrong()
        wrong += [f"{name}, {said}" for said in violations(person.page)]
        if not in_view(person):
            too_wide.append(name)
        tabs = person.page.get_by_role("tab")
        for number in range(1, tabs.count()):
            tabs.nth(number).click()
            person.settle()
            person.picture(pictures / f"{name}-{width}-{number}.png")
            person.saw_nothing_wrong()
            found = violations(person.page, "[role=tabpanel]")
            wrong += [f"{name}, tab {number + 1}, {said}" for said in found]
    assert too_wide == []
    assert wrong == []
