"""What axe-core finds on a page.

What never lives here: which pages are looked at.
"""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

Theme = Literal["light", "dark"]

# WCAG 2.2 at level AA with what it builds on, and the best practices
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPTIONS: dict[str, Any] = {"runOnly": _TAGS, "resultTypes": ["violations"], "preload": False}

_LOOK = """async ([within, options]) => {
  await new Promise(requestAnimationFrame);
  await Promise.all(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => {})));
  const found = await axe.run(within, options);
  return found.violations.flatMap((rule) => rule.nodes
    .map((node) => `${rule.id} at ${node.target.join(" ")}: ${node.failureSummary}`));
}"""


def violations(page: Page, within: str = "html") -> list[str]:
    """Rule, selector and what is wrong, for each element that breaks a rule.

    Args:
        page: as it stands, in the theme that is shown.
        within: selector of the part to look at; of a part, rules about whole pages do not speak.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return list(page.evaluate(_LOOK, [within, _OPTIONS]))
