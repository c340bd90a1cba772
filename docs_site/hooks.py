"""What MkDocs asks while it builds; `mkdocs.yml` names this file."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_site import commands, http_api, library, links, settings

_ASSETS = Path(__file__).parent / "assets"
REFERENCES = {
    "reference/cli.md": commands.markdown,
    "reference/settings.md": settings.markdown,
    "reference/http-api.md": http_api.markdown,
    "reference/library.md": library.markdown,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made: references, files outside `docs/`, code that is linked to."""
    made = [(page, reference()) for page, reference in REFERENCES.items()]
    made += [(page, (links.ROOT / file).read_text()) for file, page in links.PAGES.items()]
    written = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    made += [(links.place(file), links.source_page(file)) for file in _code([*written, *made])]
    for page, text in [*made, ("reference/openapi.json", http_api.document_text())]:
        files.append(File.generated(config, page, content=text))
    for name, content in _assets():
        files.append(File.generated(config, f"assets/{name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns links between files into links between pages."""
    return links.rewritten(markdown, page.file.src_uri)


def _code(pages: list[tuple[str, str]]) -> list[str]:
    linked = {file for page, text in pages for file in links.linked(text, page)}
    return sorted(
        file
        for file in linked
        if (links.ROOT / file).is_file() and links.place(file).startswith("source/")
    )


def _assets() -> Iterator[tuple[str, str | bytes]]:
    for file in _ASSETS.iterdir():
        if file.suffix == ".gz":
            yield file.stem, gzip.decompress(file.read_bytes())
        else:
            yield file.name, file.read_bytes()
