"""What an administrator changes, and what stays of it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.e2e.conftest import MakeVisitor
from tests.e2e.visiting import HEADER_PX, ROW_PX, Visitor


def edit_first_row(person: Visitor, sh_p: str) -> None:
    """Types into sh_p of the first row and ticks its pin, by keyboard from its first cell."""
    table = person.page.get_by_test_id("stDataFrame").first
    table.click(position={"x": 40, "y": HEADER_PX + ROW_PX / 2})
    keys = person.page.keyboard
    keys.press("ArrowRight")
    keys.press("Enter")  # opens the cell
    person.page.locator("#portal input").fill(sh_p)
    keys.press("Tab")  # takes it over and goes on to the pin
    person.settle()
    keys.press("Enter")
    person.settle()


def test_sh_p_is_edited_in_line_and_pinned_with_a_reason(
    visitor: MakeVisitor, observer: httpx.Client
) -> None:
    person = visitor().sign_in("adm", "admin").goto("control?exam=MED-B")
    edit_first_row(person, "0.321")
    person.sees("1 changed").sees(re.compile("→ 0.321, pinned"))
    person.press("Save changes").sees("Give a reason")
    person.fill("Reason", "seen in a forum").press("Save changes").sees("1 item saved")
    person.tab("History").sees(re.compile("The latest"))
    kept = observer.get("/admin/exposure/history", params={"exam_code": "MED-B"}).json()[0]
    assert (kept["after"], kept["source"], kept["actor"], kept["note"]) == (
        0.321,
        "manual",
        "adm",
        "seen in a forum",
    )
    items = observer.get(
        "/admin/exposure/items", params={"exam": "MED-B", "search": str(kept["question_id"])}
    ).json()["items"]
    item = next(i for i in items if i["question_id"] == kept["question_id"])
    assert (item["sh_p"], item["pinned"]) == (0.321, True)


def test_calibration_that_cannot_be_met_is_not_started(visitor: MakeVisitor) -> None:
    person = visitor().sign_in("adm", "admin").goto("calibrate?exam=MED-A")
    person.sees("Feasible:")
    assert person.button("Start calibration").is_enabled()
    person.fill("τ, largest exposure rate", "0.01")
    person.sees(re.compile("Not feasible: .*can be met"))
    assert person.button("Start calibration").is_disabled()


def write_in(person: Visitor, label: str, text: str) -> None:
    """Writes what a select box does not offer."""
    box = person.page.get_by_role("combobox", name=label).first
    box.fill(text)
    box.press("Enter")
    person.settle()


def test_what_the_form_leaves_empty_is_the_exams_own(
    visitor: MakeVisitor, observer: httpx.Client, pictures: Path
) -> None:
    path = "/admin/exposure/calibrate_sh"
    own = observer.get(f"{path}/defaults", params={"exam_code": "MED-A"}).json()
    person = visitor().sign_in("adm", "admin").goto("calibrate?exam=MED-A")
    person.picture(pictures / "calibrate-form-1280.png")
    for label, name in (("Examinees per iteration", "n"), ("τ, largest exposure rate", "tau")):
        box = person.page.get_by_label(label, exact=True).first
        assert (box.input_value(), box.get_attribute("placeholder")) == ("", f"{own[name]:,}")
    person.fill("Most iterations", "3")
    write_in(person, "Ability distribution", "normal(0,0)")
    person.press("Start calibration").sees(re.compile("the sd must be > 0"))
    person.picture(pictures / "calibrate-refused-1280.png")
    write_in(person, "Ability distribution", "normal(.5,1)")
    person.press("Start calibration")
    person.sees("Waiting for the orchestrator")
    run = observer.get(f"{path}/runs", params={"exam_code": "MED-A"}).json()["items"][0]
    asked = {"iters": 3, "theta_dist": "normal(.5,1)", "dry_run": False}
    assert run["params"] == {k: v for k, v in own.items() if v is not None} | asked
    person.button("Cancel").click()
    person.settle()


def test_the_selector_is_split_and_students_are_assigned(
    visitor: MakeVisitor, observer: httpx.Client
) -> None:
    person = visitor().sign_in("adm", "admin").menu("Flags and cohorts")
    person.page.get_by_text("split students between Sympson–Hetter and no control").click()
    person.press("Save").sees("selector_strategy saved")
    person.tab("All flags").fill("Flag", "new_banner").fill("Value (JSON)", '{"text": ')
    person.press("Set flag").sees("The value is not JSON")
    person.tab("Cohorts")
    person.page.get_by_label("Students", exact=True).fill("zoe\nyan")
    person.page.get_by_label("Arm", exact=True).fill("vanilla")
    person.press("Assign").sees("2 assigned")
    flags = {flag["key"]: flag for flag in observer.get("/admin/flags").json()}
    assert flags["selector_strategy"]["value_json"] == {
        "split": {"sympson_hetter": 50, "vanilla": 50}
    }
    found = observer.get("/admin/cohorts", params={"user_id": "zoe"}).json()["items"]
    assert [(one["cohort_key"], one["cohort_value"]) for one in found] == [("selector", "vanilla")]


def test_an_exam_is_made_changed_and_a_wrong_value_is_told(
    visitor: MakeVisitor, observer: httpx.Client, pictures: Path
) -> None:
    person = visitor().sign_in("adm", "admin").menu("Exams").tab("New exam")
    person.fill("New code", "a b").press("Make the exam").sees(re.compile("exam_code"))
    person.fill("New code", "NEW-1").fill("New title", "New one")
    person.page.get_by_text("Linear form").click()
    person.press("Make the exam").sees("NEW-1 is made")
    made = observer.get("/exams/NEW-1").json()["settings"]
    assert (made["title"], made["test_length"], made["exposure_control"]) == ("New one", 25, "none")

    person.goto("exams?exam=NEW-1").fill("τ, largest exposure rate", "0.35")
    person.page.get_by_text("Attempts", exact=True).click()
    person.fill("Max attempts", "3")
    person.page.get_by_text("Feedback", exact=True).click()
    person.picture(pictures / "exam-settings-1280.png")
    person.press("Save").sees("NEW-1 is saved")
    now = observer.get("/exams/NEW-1").json()
    assert now["settings"]["tau"] == 0.35
    assert now["settings"]["attempts"]["max_attempts"] == 3
    assert now["settings"]["attempts"]["feedback"] is True
    # what was left empty is as it was
    assert set(now["own"]) == {
        "title", "irt_model", "tau", "test_length", "exposure_control", "attempts.max_attempts",
        "attempts.feedback",
    }  # fmt: skip

    person.goto("exams?exam=NEW-1")
    person.page.get_by_text("Calibration", exact=True).click()
    person.fill("Least sh_p", "0.9").fill("Largest sh_p", "0.5")
    person.press("Save").sees(re.compile("Floor 0.9 lies above ceil 0.5"))
    person.picture(pictures / "exam-refused-1280.png")
    assert observer.get("/exams/NEW-1").json() == now
