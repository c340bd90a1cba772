"""The site of the docs: it builds without a warning, needs no net, and says what the files say."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

import calibration
from docs_site.links import PAGES, ROOT, origin
from tests.chromium import launch, needs_chromium

pytestmark = pytest.mark.slow

WRITTEN = sorted(
    [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    + list(PAGES.values())
)
_BLOCKS = ("h1", "h2", "h3", "h4", "ol", "ul", "li", "table", "tr", "pre", "img")


class _Article(HTMLParser):
    """Counts the blocks of a page's own text."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.blocks: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside |= tag == "article"
        if self.inside and tag in _BLOCKS:
            self.blocks[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "article"


def blocks(html: str) -> dict[str, int]:
    article = _Article()
    article.feed(html)
    return {tag: article.blocks[tag] for tag in _BLOCKS}


@pytest.mark.parametrize("page", WRITTEN)
def test_a_page_has_in_the_site_what_it_has_where_the_repository_is_hosted(site: Path, page: str):
    text = (ROOT / origin(page)).read_text()
    hosted = MarkdownIt("commonmark").enable("table").render(text)
    html = site / page.replace("README.md", "index.md").replace(".md", ".html")
    assert blocks(html.read_text()) == blocks(f"<article>{hosted}</article>")


def test_nothing_is_fetched_from_elsewhere(site: Path):
    fetched = re.compile(r"<(?:script|img|iframe|source)[^>]*\bsrc=\"(?:https?:)?//|<link[^>]*//")
    assert not [page for page in site.rglob("*.html") if fetched.search(page.read_text())]


def test_public_names_have_a_place_in_the_reference(site: Path):
    page = (site / "reference" / "library.html").read_text()
    missing = [name for name in calibration.__all__ if f'id="calibration.{name}"' not in page]
    assert missing == []


def test_every_decision_is_in_the_list_of_decisions():
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"^- \[(.+)\]\((\d+.+)\)$", (folder / "README.md").read_text(), re.M)
    decisions = sorted(folder.glob("0*.md"))
    titles = [path.read_text().partition("\n")[0].removeprefix("# ") for path in decisions]
    assert listed == list(zip(titles, [path.name for path in decisions], strict=True))


@needs_chromium
def test_opened_as_files_it_draws_its_diagrams_and_finds_words(site: Path):
    """No server and no net: what is asked for elsewhere is noted and fails."""
    elsewhere: list[str] = []
    errors: list[str] = []
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page()
        page.route(
            re.compile("^https?:"),
            lambda route: (elsewhere.append(route.request.url), route.abort()),
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / "architecture.html").as_uri())
        # a drawn diagram is in a shadow root, where no text of ours is left as code
        page.wait_for_function("document.querySelectorAll('div.mermaid').length === 2")
        page.get_by_role("textbox", name="Search").fill("Clopper")
        found = page.locator(".md-search-result__link", has_text="Exposure control")
        found.first.wait_for()
    assert (elsewhere, errors) == ([], [])
