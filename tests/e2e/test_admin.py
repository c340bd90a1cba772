"""What an administrator changes, and what stays of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.conftest import MakeVisitor, Site
from tests.e2e.visiting import HEADER_PX, ROW_PX, Visitor


@pytest.fixture
def observer(site: Site) -> Iterator[httpx.Client]:
    """An administrator who looks at the API directly."""
    body = {"user_id": "observer", "roles": ["admin"], "tenant_id": "demo"}
    with httpx.Client(base_url=f"{site.api}/v1", timeout=30) as client:
        token = client.post("/auth/mock-login", json=body).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def edit_first_row(person: Visitor, sh_p: str) -> None:
    """Types into sh_p of the first row and ticks its pin, by keyboard from its first cell."""
    table = person.page.get_by_test_id("stDataFrame").first
    table.click(position={"x": 40, "y": HEADER_PX + ROW_PX / 2})
    keys = person.page.keyboard
    keys.press("ArrowRight")
    keys.type(sh_p)
    keys.press("Tab")
    person.settle()
    keys.press("Enter")
    person.settle()


def test_sh_p_is_edited_in_line_and_pinned_with_a_reason(
    visitor: MakeVisitor, observer: httpx.Client
) -> None:
    person = visitor().sign_in("adm", "admin").goto("control?exam=MED-B")
    edit_first_row(person, "0.321")
    person.sees("1 changed:")
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
