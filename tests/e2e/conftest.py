"""The console, the API and a real Chromium on the demo data after a night.

Fixtures:
    site: the addresses of the running console and API; one for the whole run.
    visitor: makes visitors; at the end of the test none of them may have seen anything wrong.
    observer: an administrator who looks at the API directly.
    pictures: folder for screenshots; the variable ``PICTURES`` names one to keep.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.chromium import launch, needs_chromium
from tests.e2e.night import pass_night
from tests.e2e.processes import free_port, process, python, wait_for
from tests.e2e.visiting import WAIT_MS, Visitor

MakeVisitor = Callable[..., Visitor]

expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            # a browser, two servers and a night behind it
            item.add_marker(pytest.mark.slow)
            item.add_marker(needs_chromium)


@dataclass(frozen=True)
class Site:
    """Where everything is."""

    console: str
    api: str
    environment: dict[str, str]
    logs: Path

    def log(self, name: str) -> Path:
        """The file that a process writes to."""
        return self.logs / f"{name}.log"


@pytest.fixture(scope="session")
def site(clone_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    logs = tmp_path_factory.mktemp("logs")
    api_port, console_port = free_port(), free_port()
    api, console = f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{console_port}"
    environment = {
        "QBANK_ENV": "dev",  # mock login
        "QBANK_API_URL": api,
        "QBANK_API_PORT": str(api_port),
        "QBANK_CONSOLE_PORT": str(console_port),
        "QBANK_CONSOLE_MARTS_TTL_S": "1",
        "QBANK_LOGIN_RATE_PER_MINUTE": "1000",
    }
    with ExitStack() as stack:
        stack.enter_context(clone_database("demo"))
        pass_night(tmp_path_factory.mktemp("dbt"))
        stack.enter_context(process(python("delivery_api"), environment, logs / "api.log"))
        stack.enter_context(process(python("qbank_console"), environment, logs / "console.log"))
        wait_for(f"{api}/ready", logs / "api.log")
        wait_for(f"{console}/_stcore/health", logs / "console.log")
        yield Site(console, api, environment, logs)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # not for the session: its event loop would run on under whatever comes next in this worker
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture
def visitor(site: Site, browser: Browser) -> Iterator[MakeVisitor]:
    made: list[Visitor] = []

    def make(width: int = 1280, height: int = 900) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True
        )
        made.append(Visitor(context.new_page(), site.console))
        return made[-1]

    yield make
    for one in made:
        one.saw_nothing_wrong()
    for one in made:
        one.page.context.close()


@pytest.fixture
def observer(site: Site) -> Iterator[httpx.Client]:
    """An administrator who looks at the API directly."""
    body = {"user_id": "observer", "roles": ["admin"], "tenant_id": "demo"}
    with httpx.Client(base_url=f"{site.api}/v1", timeout=30) as client:
        token = client.post("/auth/mock-login", json=body).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("PICTURES")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
