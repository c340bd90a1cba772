"""The browser of the tests that open pages."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import Browser, Playwright

_FOUND = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# where CI runs, a browser that is missing is a failure and not a skip
needs_chromium = pytest.mark.skipif(
    _FOUND is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)


def launch(playwright: Playwright) -> Browser:
    """Starts it without a window."""
    if _FOUND is None:
        pytest.fail("no Chromium: apt-get install chromium")
    return playwright.chromium.launch(
        executable_path=_FOUND, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    )
