"""A person before Dagit's pages in Chromium: what is clicked, typed and read.

What never lives here: GraphQL (``dagit``), and what a test expects of a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

from tests.chromium import launch

_WAIT_MS = 90_000  # of a machine that is busy with other tests
_BUTTON = "button"


@dataclass(frozen=True)
class Person:
    """One browser tab on a Dagit."""

    page: Page
    address: str

    def materialize_all(self, job: str) -> Locator:
        """Opens the dialog of a job's button *Materialize all…*."""
        self.page.goto(f"{self.address}/locations/qbank/jobs/{job}")
        self.page.get_by_role(_BUTTON, name="Materialize all").first.click()
        launch = self.page.get_by_role(_BUTTON, name=re.compile("^Launch"))
        # assets that this instance never made are asked about first
        confirm = self.page.get_by_role(_BUTTON, name="Confirm", exact=True)
        expect(launch.or_(confirm)).to_be_visible()
        if confirm.is_visible():
            confirm.click()
        expect(launch).to_be_visible()
        return self.page.get_by_role("dialog")

    def choose_days(self, dialog: Locator, first: str, last: str) -> None:
        """Types a range of days."""
        box = dialog.get_by_placeholder("ex: ").first
        box.fill(f"[{first}...{last}]")
        box.press("Enter")

    def choose_exams(self, dialog: Locator, exams: Sequence[str]) -> None:
        """Ticks exams in the list."""
        dialog.get_by_text("Select a partition").click()
        for exam in exams:
            self.page.get_by_role("menuitem").filter(has_text=exam).first.click()
        self.page.keyboard.press("Escape")

    def launch_backfill(self) -> None:
        """The dialog's button; the page says that the backfill was created."""
        self.page.get_by_role(_BUTTON, name="Launch backfill").click()
        expect(self.page.get_by_text("Created backfill")).to_be_visible()

    def launch_with(self, job: str, config: Sequence[str]) -> str:
        """Types lines below the launchpad's own config and launches; gives the run's id."""
        self.page.goto(f"{self.address}/locations/qbank/jobs/{job}/playground")
        launch = self.page.get_by_role(_BUTTON, name="Launch Run")
        expect(launch).to_be_enabled()
        self.page.locator(".CodeMirror").first.click(position={"x": 300, "y": 150})
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type("\n".join(config))
        expect(self.page.get_by_text("No errors")).to_be_visible()
        launch.click()
        return self._run_of_page()

    def re_execute_from_failure(self, run_id: str) -> str:
        """The menu beside the button of a failed run's page; gives the new run's id."""
        self.page.goto(f"{self.address}/runs/{run_id}")
        # the button itself offers all steps or those from the failure, whichever loaded first
        self.page.locator("button:has([aria-label=arrow_drop_down])").first.click()
        self.page.get_by_role("menuitem").filter(has_text="From failure").click()
        self.page.wait_for_url(lambda url: "/runs/" in url and run_id not in url)
        return self._run_of_page()

    def figures(self, asset: str, key: str) -> dict[str, str]:
        """What an asset's page shows of a partition that was published."""
        self._open_partition(asset, key)
        expect(self.page.get_by_text("Materialized", exact=True)).to_be_visible()
        cells = self.page.locator("table td")
        # while the page loads there is one cell, which says that there are none
        expect(cells.filter(has_text="rows_changed")).to_be_visible()
        texts = [cell.strip() for cell in cells.all_inner_texts() if cell.strip()]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def sees_missing(self, asset: str, key: str) -> None:
        """An asset's page counts a partition as missing and shows no figures of it."""
        self._open_partition(asset, key)
        expect(self.page.get_by_text("Missing (1)")).to_be_visible()
        expect(self.page.get_by_text("No metadata entries")).to_be_visible()

    def _open_partition(self, asset: str, key: str) -> None:
        self.page.goto(f"{self.address}/assets/{asset}?view=partitions&partition={key}")
        expect(self.page.get_by_text("Latest materialization")).to_be_visible()

    def newest_event(self, asset: str, partition: str) -> str:
        """What the newest event of a partition says, as the asset's page tells it."""
        self.page.goto(f"{self.address}/assets/{asset}?view=events&partition={partition}")
        expect(self.page.get_by_text("Description")).to_be_visible()
        return self.page.locator("body").inner_text()

    def _run_of_page(self) -> str:
        self.page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
        found = re.search("/runs/([0-9a-f-]{36})", self.page.url)
        assert found is not None
        return found[1]


@contextmanager
def person(address: str) -> Iterator[Person]:
    """Opens a browser on a Dagit, and closes it."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(_WAIT_MS)
        expect.set_options(timeout=_WAIT_MS)
        try:
            yield Person(page, address)
        except BaseException as error:
            with suppress(Error):  # the page itself may be gone
                error.add_note(f"{page.url} shows:\n{page.locator('body').inner_text()}")
            raise
        finally:
            browser.close()
