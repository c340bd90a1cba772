"""Links of the repository's Markdown, as the site has them.

A page of `docs/` links to files as they lie in the repository. In the site a folder is its
`README.md`, some files at other places are pages too, and code that a page links to is shown.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# files outside docs/ that people read as pages of the site
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "deploy/README.md": "operations/deploying.md",
}
_ORIGINS = {page: file for file, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def origin(page: str) -> str:
    """Where in the repository the text of a page lies."""
    return _ORIGINS.get(page, f"docs/{page}")


def place(file: str) -> str:
    """The page or file of the site that shows a file of the repository."""
    if file in PAGES:
        return PAGES[file]
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    return f"source/{file.lstrip('.')}.md"  # MkDocs leaves out what begins with a dot


def linked(text: str, page: str) -> Iterator[str]:
    """Files of the repository that a page links to, there or not."""
    folder = posixpath.dirname(origin(page))
    for link in _LINK.finditer(text):
        yield _file(posixpath.normpath(posixpath.join(folder, link[1])))


def rewritten(text: str, page: str) -> str:
    """The text of a page with its links as the site wants them."""
    folder = posixpath.dirname(origin(page))

    def rewrite(link: re.Match[str]) -> str:
        file = _file(posixpath.normpath(posixpath.join(folder, link[1])))
        return posixpath.relpath(place(file), posixpath.dirname(page) or ".") + (link[2] or "")

    return _LINK.sub(rewrite, text)


def source_page(file: str) -> str:
    """A file of code as a page."""
    language = Path(file).suffix.lstrip(".") or "text"
    text = (ROOT / file).read_text()
    fence = "`" * (3 + max((len(run) for run in re.findall(r"`{3,}", text)), default=0))
    return f"---\nsearch:\n  exclude: true\n---\n# {file}\n\n{fence}{language}\n{text}\n{fence}\n"


def _file(path: str) -> str:
    return f"{path}/README.md" if (ROOT / path).is_dir() else path
