"""A person at a browser: signs in, goes to pages, and notices whatever goes wrong.

What never lives here: what is expected of a page.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

ROLES = ("student", "author", "reviewer", "publisher", "analyst", "admin")
WAIT_MS = 60_000  # of a machine that is busy with other tests
HEADER_PX, ROW_PX = 35, 35  # of Streamlit's tables, which are drawn on a canvas
_READY = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale=true]')
    && !document.querySelector('[data-testid=stSkeleton]');
}"""


@dataclass
class Visitor:
    """One browser tab.

    Attributes:
        problems: errors and warnings of the browser's console, and errors of the page's scripts.
    """

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} ({message.location.get('url')})")

    def settle(self) -> None:
        """Waits until the script has run and the page stands still."""
        self.page.wait_for_timeout(150)
        self.page.wait_for_function(_READY, timeout=WAIT_MS)
        self.page.wait_for_timeout(250)
        self.page.wait_for_function(_READY, timeout=WAIT_MS)

    def sign_in(self, user: str, *roles: str, tenant: str = "demo") -> Visitor:
        self.page.goto(self.url)
        self.page.get_by_label("User").fill(user)
        self.page.get_by_label("Tenant").fill(tenant)
        for role in ROLES:
            if (role in roles) != (role == "analyst"):  # analyst is chosen at first
                self.page.get_by_role("button", name=role, exact=True).click()
        self.settle()
        self.button("Sign in").first.click()
        expect(self.button("Sign out")).to_be_attached()
        self.settle()
        return self

    def goto(self, path: str) -> Visitor:
        """Opens an address, as from a link that someone sent."""
        self.page.goto(f"{self.url}/{path}")
        self.settle()
        return self

    def menu(self, title: str) -> Visitor:
        """Follows the navigation."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        expect(self.page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        self.settle()
        return self

    def button(self, name: str | re.Pattern[str]) -> Locator:
        exact = isinstance(name, str)
        pattern = re.compile(rf"(^|\s){re.escape(name)}$") if exact else name
        return self.page.get_by_role("button", name=pattern)

    def press(self, name: str) -> Visitor:
        self.button(name).first.click()
        self.settle()
        return self

    def fill(self, label: str, text: str) -> Visitor:
        box = self.page.get_by_label(label, exact=True).first
        box.fill(text)
        box.press("Tab")
        self.settle()
        return self

    def choose(self, label: str, option: str) -> Visitor:
        """Chooses an option of a select box."""
        box = self.page.get_by_role("combobox", name=label).first
        box.click()
        box.fill(option)  # of a long list only a part is drawn
        self.page.get_by_role("option", name=option).first.click()
        self.settle()
        return self

    def tab(self, name: str) -> Visitor:
        self.page.get_by_role("tab", name=name).click()
        self.settle()
        return self

    def tick_row(self, row: int, table: int = 0) -> Visitor:
        """Ticks a row of a table, counting from 0."""
        frame = self.page.get_by_test_id("stDataFrame").nth(table)
        frame.scroll_into_view_if_needed()
        y = HEADER_PX + ROW_PX * row + ROW_PX / 2
        frame.click(position={"x": 18, "y": y})
        self.settle()
        return self

    def metric(self, label: str) -> str:
        """The value of a figure."""
        box = self.page.get_by_test_id("stMetric").filter(has_text=label).first
        return box.get_by_test_id("stMetricValue").inner_text()

    def sees(self, text: str | re.Pattern[str]) -> Visitor:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)
        return self

    def saw_nothing_wrong(self) -> None:
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.page.get_by_text("Something went wrong").count() == 0
        assert self.page.get_by_text("Page not found").count() == 0
        assert self.problems == []

    def picture(self, path: Path) -> Path:
        """A picture of the whole page, where somebody wants to look at it."""
        if "PICTURES" not in os.environ:
            return path
        self.page.mouse.move(0, 0)
        size = self.page.viewport_size
        assert size is not None
        height = self.page.evaluate(
            "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
        )
        self.page.set_viewport_size({"width": size["width"], "height": max(720, height + 60)})
        self.page.wait_for_timeout(700)  # charts are drawn anew
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)
        return path
