"""Every page at two widths: nothing breaks, nothing is wider than the screen.

``PICTURES=folder pytest tests/e2e/test_pictures.py`` keeps the pictures, to be looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qbank.postgres import connect
from tests.e2e.conftest import MakeVisitor
from tests.e2e.visiting import ROLES, Visitor

WIDTHS = (1280, 400)
PAGES = (
    "quiz",
    "my-mastery",
    "questions",
    "write",
    "review",
    "overview",
    "item-health",
    "item",
    "mastery",
    "coverage",
    "exposure",
    "experiment",
    "exams",
    "control",
    "calibrate",
    "runs",
    "flags",
)


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


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_is_whole(visitor: MakeVisitor, pictures: Path, width: int) -> None:
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
    person.page.goto(person.url)
    person.button("Sign in").first.wait_for()
    person.settle()
    person.picture(pictures / f"sign-in-{width}.png")
    person.sign_in(student, *ROLES)
    too_wide = []
    for name in PAGES:
        query = f"&item={question}.{version}" if name == "item" else ""
        person.goto(f"{name}?exam=MED-A{query}")
        person.picture(pictures / f"{name}-{width}.png")
        person.saw_nothing_wrong()
        if not in_view(person):
            too_wide.append(name)
        tabs = person.page.get_by_role("tab")
        for number in range(1, tabs.count()):
            tabs.nth(number).click()
            person.settle()
            person.picture(pictures / f"{name}-{width}-{number}.png")
            person.saw_nothing_wrong()
    assert too_wide == []
