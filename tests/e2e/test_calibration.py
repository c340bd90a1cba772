"""A calibration from the form to the rollback, worked by the real orchestrator."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.accessibility import violations
from tests.e2e.conftest import MakeVisitor, Site
from tests.e2e.processes import process, tool
from tests.e2e.visiting import Visitor

RUN_MS = 240_000  # a cold orchestrator on a busy machine
EXAM = "MED-A"


@pytest.fixture(scope="module")
def orchestrator(site: Site) -> Iterator[None]:
    with process(
        [tool("qbank"), "serve", "--only", "daemon"], site.environment, site.log("daemon")
    ):
        yield


def runs(observer: httpx.Client) -> list[dict[str, object]]:
    found = observer.get("/admin/exposure/calibrate_sh/runs", params={"exam_code": EXAM})
    return list(found.json()["items"])


def controls(observer: httpx.Client) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for page in (1, 2):
        params = {"exam": EXAM, "limit": 200, "page": page, "sort": "question_id"}
        for item in observer.get("/admin/exposure/items", params=params).json()["items"]:
            found[item["question_id"], item["version"]] = item["sh_p"]
    return found


def saw(person: Visitor, text: str) -> None:
    person.page.get_by_text(re.compile(text)).first.wait_for(timeout=RUN_MS)


@pytest.mark.timeout(900)
def test_a_calibration_is_started_watched_downloaded_and_taken_back(
    visitor: MakeVisitor,
    orchestrator: None,
    observer: httpx.Client,
    pictures: Path,
    tmp_path: Path,
) -> None:
    person = visitor().sign_in("adm", "admin").goto(f"calibrate?exam={EXAM}")
    person.fill("Seed", "1").press("Start calibration")
    saw(person, "Waiting for the orchestrator")
    saw(person, r"Iteration \d+ of at most 25")
    person.picture(pictures / "calibrating-1280.png")
    saw(person, r"Published: [\d,]+ items changed")
    person.settle()
    person.sees("Certificate").sees("Price in precision").sees("Convergence").sees("Audit")
    person.picture(pictures / "calibrated-1280.png")
    wrong = violations(person.page)

    calibrated = runs(observer)[0]
    assert (calibrated["status"], calibrated["requested_by"]) == ("done", "adm")
    certificate = calibrated["result"]["certificate"]
    assert person.metric("Highest exposure") == f"{certificate['max_exposure']:.1%}"
    assert person.metric("RMSE") == f"{certificate['rmse']:.3f}"
    after = controls(observer)

    person.page.get_by_role("link", name="All runs, comparison and rollback").click()
    person.settle()
    person.sees("Changes of sh_p")
    with person.page.expect_download() as download:
        person.button("Download CSV").click()
    download.value.save_as(tmp_path / "diff.csv")
    with (tmp_path / "diff.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["qid", "ver", "sh_p_before", "sh_p_after", "delta"]
    assert rows
    for row in rows:
        assert float(row["sh_p_after"]) == pytest.approx(after[int(row["qid"]), int(row["ver"])])
    person.picture(pictures / "run-1280.png")

    question, version = int(rows[0]["qid"]), int(rows[0]["ver"])
    change = {"exam_code": EXAM, "question_id": question, "version": version, "sh_p": 0.77}
    observer.post("/admin/exposure/set", json=change).raise_for_status()
    person.press("Roll back to this run").sees("Roll back?")
    person.page.get_by_role("dialog").get_by_role("button", name="Keep as it is").click()
    person.settle()
    assert controls(observer)[question, version] == 0.77
    person.press("Roll back to this run")
    person.page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    saw(person, "Rollback of MED-A")
    saw(person, r"Published: 1 items changed")
    assert controls(observer) == after
    assert runs(observer)[0]["kind"] == "rollback"

    person.goto(f"runs?exam={EXAM}").tick_row(0).tick_row(1).sees("Comparison")
    person.picture(pictures / "comparison-1280.png")
    assert wrong + violations(person.page) == []


@pytest.mark.timeout(600)
def test_a_calibration_is_canceled(
    visitor: MakeVisitor, orchestrator: None, observer: httpx.Client
) -> None:
    before = controls(observer)
    person = visitor().sign_in("adm", "admin").goto(f"calibrate?exam={EXAM}")
    person.fill("Examinees per iteration", "100000").press("Start calibration")
    saw(person, "Waiting for the orchestrator|Reading the pool|Iteration")
    person.button("Cancel").click()
    saw(person, "Canceled; nothing was published")
    assert controls(observer) == before
