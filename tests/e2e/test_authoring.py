"""A question from the first word to an exam, and its second version."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import MakeVisitor


def test_an_author_writes_a_reviewer_approves_a_publisher_publishes(visitor: MakeVisitor) -> None:
    author = visitor().sign_in("ann-author", "author").menu("Write")
    assert author.button("Save draft").is_disabled()
    author.fill("Your reference", "E2E-1").choose("Topic", "Function / Physiology / Respiration")
    author.fill("Question", r"The compliance is $C = \frac{\Delta V}{\Delta P}$. It **falls** in:")
    for label, text in zip("ABCD", ("fibrosis", "emphysema", "asthma", "sleep"), strict=True):
        author.fill(f"Option {label}", text)
    author.fill("Explanation", "Stiff lungs: $C$ falls.")
    preview = author.page.locator(".katex")  # formulas are set, not shown as source
    expect(preview.first).to_be_visible()
    author.press("Save draft")
    author.sees("draft").press("Ask for a review")
    author.sees(re.compile("Reviewers see it now"))
    assert author.button("Approve").count() == 0

    reviewer = visitor().sign_in("rob-reviewer", "reviewer").menu("Review and publish")
    reviewer.sees("E2E-1").press("Open").sees("fibrosis")
    reviewer.press("Reject").sees("Say in the comments what should change")
    reviewer.fill("Comments", "Clear.").press("Approve").sees("by rob-reviewer")
    address = reviewer.page.url.split("?")[1]

    publisher = visitor().sign_in("pat-publisher", "publisher")
    publisher.goto(f"review?{address}").press("Publish").sees(re.compile("v1 live in MED-A"))
    publisher.sees("This version is live in MED-A")

    author.goto(f"review?{address}").press("Write a new version")
    author.fill("Option D", "altitude").press("Save as new version")
    version = author.page.get_by_role("combobox", name=re.compile("Version of E2E-1"))
    expect(version).to_have_value("v2, draft")
    author.sees(re.compile("v1 live in MED-A"))
    author.menu("Questions").fill("Search", "compliance")
    author.sees("1 questions")
