"""What an administrator changes, and what stays of it."""

from __future__ import annotations

import re

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
    person.sees(re.compile("Not feasible: .*smallest feasible tau"))
    assert person.button("Start calibration").is_disabled()


def test_the_selector_is_split_and_students_are_assigned(
    visitor: MakeVisitor, observer: httpx.Client
) -> None:
    person = visitor().sign_in("adm", "admin").menu("Flags and cohorts")
    person.page.get_by_text("split students between the two").click()
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
