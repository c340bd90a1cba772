"""The content as a whole: read from YAML, checked across files, before any request is made.

Belongs here: reading the folder, and the rules that span files. Never here: requests, ids that
Metabase gives out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from qbank.project_files import project_file
from qbank_metabase.documents import (
    CardDocument,
    CollectionDocument,
    DashboardDocument,
    DashboardFilter,
    FieldFilterTag,
    KeyedDocument,
    Tag,
)
from qbank_metabase.errors import ContentError

DocumentType = TypeVar("DocumentType", bound=KeyedDocument)

# which filter of a dashboard may feed a raw variable; a field filter takes its own widget only
_VARIABLE_WIDGETS = {"number": {"number/="}, "text": {"string/="}}


@dataclass(frozen=True)
class Content:
    """All that is pushed, by key, parents before children."""

    collections: dict[str, CollectionDocument]
    cards: dict[str, CardDocument]
    dashboards: dict[str, DashboardDocument]

    def collection_path(self, key: str) -> str:
        """Return the names from the root down to the collection, such as `QBank › Items`."""
        document = self.collections[key]
        if document.parent is None:
            return document.name
        return f"{self.collection_path(document.parent)} › {document.name}"

    def columns(self) -> set[str]:
        """Return the columns (`table.column`) that field filters stand on."""
        return {
            tag.column
            for card in self.cards.values()
            for tag in card.tags.values()
            if isinstance(tag, FieldFilterTag)
        }


def load_content(folder: Path | None = None) -> Content:
    """Read and check `collections.yml`, `cards/**/*.yml` and `dashboards/*.yml`.

    Args:
        folder: The content folder; None takes qbank's own.

    Returns:
        The content, valid as a whole.

    Raises:
        ContentError: A file is missing, not YAML, breaks its schema, or refers to a collection,
            card or filter that is not there. Names the file and the value.
    """
    folder = folder or project_file("metabase/content")
    if not folder.is_dir():
        raise ContentError(
            f"{folder}: no such folder; it holds collections.yml, cards/, dashboards/"
        )
    content = Content(
        collections=_collections(folder / "collections.yml"),
        cards=_by_key(_documents(sorted(folder.glob("cards/**/*.yml")), CardDocument)),
        dashboards=_by_key(_documents(sorted(folder.glob("dashboards/*.yml")), DashboardDocument)),
    )
    problems = list(_problems(content))
    if problems:
        raise ContentError("\n".join(problems))
    return content


def _read(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContentError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: not YAML: {error}") from None


def _validated(path: Path, raw: object, model: type[DocumentType]) -> DocumentType:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(part) for part in problem['loc']) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ContentError("\n".join(lines)) from None


def _documents(
    paths: Iterable[Path], model: type[DocumentType]
) -> Iterator[tuple[Path, DocumentType]]:
    for path in paths:
        yield path, _validated(path, _read(path), model)


def _by_key(documents: Iterator[tuple[Path, DocumentType]]) -> dict[str, DocumentType]:
    found: dict[str, DocumentType] = {}
    for path, document in documents:
        key = document.key
        if key != path.stem:
            raise ContentError(f"{path}: key is {key!r}; name the file {key}.yml")
        if key in found:
            raise ContentError(f"{path}: the key {key!r} is taken by another file")
        found[key] = document
    return found


def _collections(path: Path) -> dict[str, CollectionDocument]:
    raw = _read(path)
    if not isinstance(raw, list):
        raise ContentError(f"{path}: expected a list of collections")
    found: dict[str, CollectionDocument] = {}
    for entry in raw:
        document = _validated(path, entry, CollectionDocument)
        if document.key in found:
            raise ContentError(f"{path}: the key {document.key!r} is there twice")
        if document.parent is not None and document.parent not in found:
            raise ContentError(
                f"{path}: {document.key}: the parent {document.parent!r} must stand above it"
            )
        found[document.key] = document
    return found


def _problems(content: Content) -> Iterator[str]:
    for card in content.cards.values():
        if card.collection not in content.collections:
            yield f"card {card.key}: no collection {card.collection!r}"
    for dashboard in content.dashboards.values():
        if dashboard.collection not in content.collections:
            yield f"dashboard {dashboard.key}: no collection {dashboard.collection!r}"
        for key in dashboard.card_keys():
            if key not in content.cards:
                yield f"dashboard {dashboard.key}: no card {key!r}"
            else:
                yield from _wiring_problems(dashboard, content.cards[key])
    names = [(d.collection, d.name) for d in content.dashboards.values()]
    for collection, name in sorted({pair for pair in names if names.count(pair) > 1}):
        # Metabase takes no stable id for a dashboard: its name in the collection is its identity
        yield f"two dashboards are named {name!r} in the collection {collection!r}"


def _wiring_problems(dashboard: DashboardDocument, card: CardDocument) -> Iterator[str]:
    for key, dashboard_filter in dashboard.filters.items():
        tag = card.tags.get(key)
        if tag is None:
            yield (
                f"dashboard {dashboard.key}: the filter {key!r} does nothing to the card "
                f"{card.key}; give the card a tag {key!r}"
            )
        elif not _feeds(dashboard_filter, tag):
            yield (
                f"dashboard {dashboard.key}: the filter {key!r} is {dashboard_filter.widget}, "
                f"which the tag {key!r} of the card {card.key} cannot take"
            )


def _feeds(dashboard_filter: DashboardFilter, tag: Tag) -> bool:
    if isinstance(tag, FieldFilterTag):
        return tag.widget == dashboard_filter.widget
    return dashboard_filter.widget in _VARIABLE_WIDGETS[tag.variable]
