"""Who gets in, and what each role is offered."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import MakeVisitor

OFFERED = {
    "student": ["Take a quiz", "My mastery"],
    "author": ["Questions", "Write", "Review and publish"],
    "reviewer": ["Questions", "Review and publish"],
    "publisher": ["Questions", "Review and publish"],
    "analyst": [
        "Overview",
        "Item health",
        "Fairness and fit",
        "Item",
        "Topic mastery",
        "Blueprint coverage",
        "Exposure",
        "Selection rules",
        "Technical report",
        "Experiment",
    ],
    "admin": [
        "Questions",
        "Write",
        "Review and publish",
        "Overview",
        "Item health",
        "Fairness and fit",
        "Item",
        "Topic mastery",
        "Blueprint coverage",
        "Exposure",
        "Selection rules",
        "Technical report",
        "Experiment",
        "Exams",
        "Exposure control",
        "Calibrate",
        "Runs",
        "Flags and cohorts",
    ],
}


@pytest.mark.parametrize("role", OFFERED)
def test_each_role_is_offered_its_pages(visitor: MakeVisitor, role: str) -> None:
    person = visitor().sign_in(f"some-{role}", role)
    links = person.page.get_by_test_id("stSidebarNav").get_by_role("link")
    # an icon is text too, in a font of its own
    names = [text.splitlines()[-1].strip() for text in links.all_inner_texts()]
    assert names == OFFERED[role]
    expect(person.page.get_by_role("heading", name=OFFERED[role][0], exact=True)).to_be_visible()


def test_a_page_of_another_role_says_which_it_needs(visitor: MakeVisitor) -> None:
    visitor().sign_in("curious", "student").goto("calibrate").sees(
        "This page is for the role admin"
    )


def test_a_link_opens_after_signing_in_and_a_reload_stays_signed_in(visitor: MakeVisitor) -> None:
    person = visitor()
    person.page.goto(f"{person.url}/coverage")
    person.button("Sign in").first.click()
    expect(person.page.get_by_role("heading", name="Blueprint coverage")).to_be_visible()
    person.settle()
    person.page.reload()
    expect(person.page.get_by_role("heading", name="Blueprint coverage")).to_be_visible()
    person.settle()
    person.press("Sign out")
    expect(person.page.get_by_role("heading", name="Sign in to qbank")).to_be_visible()
    person.page.reload()
    expect(person.page.get_by_role("heading", name="Sign in to qbank")).to_be_visible()
    person.settle()


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("nonsense", "This is not an access token"),
        # claims every role of the demo tenant, signed with a key of its own
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYWxsb3J5Iiwicm9sZXMiOlsiYWRtaW4iLCJhbm"
            "FseXN0Il0sInRlbmFudF9pZCI6ImRlbW8iLCJleHAiOjQxMDI0NDQ4MDAsImlzcyI6InFiYW5rIiwiYXVkIjoi"
            "cWJhbmsifQ.c2lnbmVkIGJ5IG1hbGxvcnksIG5vdCBieSB0aGUgQVBJLi4u",
            "The API does not accept this token",
        ),
    ],
)
def test_a_token_that_the_api_does_not_accept_gets_nobody_in(
    visitor: MakeVisitor, token: str, answer: str
) -> None:
    person = visitor()
    person.page.goto(person.url)
    person.page.get_by_role("tab", name="Access token").click()
    person.page.get_by_role("textbox", name="Access token").fill(token)
    person.button("Sign in").last.click()
    person.sees(answer)
    assert person.button("Sign out").count() == 0


def test_another_tenant_sees_nothing_of_the_demo(visitor: MakeVisitor) -> None:
    person = visitor().sign_in("eve", "analyst", tenant="elsewhere")
    person.sees("No exam yet")
    person.goto("item-health?exam=MED-A").sees("No exam yet")
    assert person.page.get_by_text("Basic medical sciences").count() == 0
