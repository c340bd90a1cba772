"""A quiz from start to results."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.accessibility import violations
from tests.e2e.conftest import MakeVisitor
from tests.e2e.keys import tab_to
from tests.e2e.visiting import Visitor

QUESTIONS = 4
EXPLAINED = re.compile(r"Correct\.|The answer is [A-E]\.")


def start(person: Visitor, mode: str) -> Visitor:
    person.menu("Take a quiz")
    person.page.get_by_text(mode).click()
    slider = person.page.get_by_role("slider")
    for _ in range(25 - QUESTIONS):
        slider.press("ArrowLeft")
    person.settle()
    return person.press("Start")


def choose_first(person: Visitor) -> None:
    person.page.get_by_role("radio").first.locator("xpath=ancestor::label").click()
    person.settle()


def answer_by_keyboard(person: Visitor) -> None:
    """One question of a tutor quiz, from its options to the next one, without the mouse."""
    page, keys = person.page, person.page.keyboard
    options = page.get_by_role("radio")
    tab_to(page, options.first)
    keys.press("Space")
    keys.press("ArrowDown")
    expect(options.nth(1)).to_be_checked()
    keys.press("ArrowUp")
    expect(options.first).to_be_checked()
    tab_to(page, person.button("Answer"))
    keys.press("Enter")
    person.sees(EXPLAINED).settle()
    tab_to(page, person.button("Next question"))
    keys.press("Enter")


def test_a_student_takes_a_tutor_quiz_to_its_results(visitor: MakeVisitor) -> None:
    person = start(visitor().sign_in("stu-tutor", "student"), "Tutor: explained")
    person.sees(f"Question 1 of {QUESTIONS}")
    person.press("Answer").sees("Choose an option first")
    wrong = violations(person.page)
    answer_by_keyboard(person)
    for number in range(2, QUESTIONS + 1):
        person.sees(f"Question {number} of {QUESTIONS}")
        if number == 2:  # a reload in the middle goes on where it was
            person.page.reload()
            person.settle()
            person.sees(f"Question 2 of {QUESTIONS}")
        choose_first(person)
        person.press("Answer").sees(EXPLAINED)
        if number == QUESTIONS:
            wrong += violations(person.page)
        person.press("See results" if number == QUESTIONS else "Next question")
    expect(person.page.get_by_role("heading", name="Results")).to_be_visible()
    assert re.fullmatch(rf"\d of {QUESTIONS}", person.metric("Correct"))
    assert re.fullmatch(r"-?\d\.\d\d", person.metric("Ability").replace("−", "-"))
    assert wrong + violations(person.page) == []
    person.press("Take another quiz").sees("Items are chosen to fit you")


def test_an_exam_explains_nothing_until_it_is_finished(visitor: MakeVisitor) -> None:
    person = start(visitor().sign_in("stu-exam", "student"), "Exam: results")
    choose_first(person)
    person.press("Answer").sees(f"Question 2 of {QUESTIONS}")
    assert person.page.get_by_text("The answer is").count() == 0
    person.press("Finish now").press("Finish the quiz")
    expect(person.page.get_by_role("heading", name="Results")).to_be_visible()
    assert person.metric("Not answered") == str(QUESTIONS - 1)


def test_a_student_sees_own_mastery_and_no_one_elses(visitor: MakeVisitor) -> None:
    person = visitor().sign_in("newcomer", "student").menu("My mastery")
    person.sees("Nothing here yet")
