"""What a push would do about collections, which Metabase knows by name and place alone.

Belongs here: finding a collection of ours again. Never here: writing.
"""

from __future__ import annotations

from collections.abc import Iterator

from qbank_metabase.catalog import Catalog
from qbank_metabase.client import Json, MetabaseClient
from qbank_metabase.content import Content
from qbank_metabase.differences import Change
from qbank_metabase.documents import CollectionDocument
from qbank_metabase.errors import MetabaseError
from qbank_metabase.steps import Reference, Step, existing_step, new_step


def collection_steps(client: MetabaseClient, content: Content, catalog: Catalog) -> Iterator[Step]:
    """Yield a step a collection, parents first; the catalog learns the ids of those found.

    Raises:
        MetabaseError: Two collections of one name stand side by side.
    """
    shared = [
        entry
        for entry in client.collections()
        if isinstance(entry["id"], int)  # the root collection is called "root"
        and entry.get("personal_owner_id") is None
        and entry.get("namespace") is None
        and not entry.get("archived")
    ]
    for document in content.collections.values():
        path = content.collection_path(document.key)
        found = _find_collection(content, catalog, document, shared)
        if found is None:
            step = new_step("collection", document.key, document.name, _parent(document))
        else:
            catalog.collection_ids[path] = found["id"]
            changes = _collection_changes(document, found)
            step = existing_step("collection", document.key, document.name, found["id"], changes)
        yield step


def _find_collection(
    content: Content,
    catalog: Catalog,
    document: CollectionDocument,
    shared: list[Json],
) -> Json | None:
    location = "/"
    if document.parent is not None:
        parent_id = catalog.collection_ids.get(content.collection_path(document.parent))
        if parent_id is None:
            return None
        parent = next(entry for entry in shared if entry["id"] == parent_id)
        location = f"{parent['location']}{parent_id}/"
    siblings = [entry for entry in shared if (entry.get("location") or "/") == location]
    return only_one("collection", siblings, document.name, document.former_names)


def only_one(
    kind: str, entries: list[Json], name: str, former_names: tuple[str, ...]
) -> Json | None:
    """Return the entry of this name, else of the first former name that is there, else None.

    Raises:
        MetabaseError: Several entries bear the name, so that none of them is surely ours.
    """
    for candidate in (name, *former_names):
        found = [entry for entry in entries if entry["name"] == candidate]
        if len(found) > 1:
            ids = sorted(entry["id"] for entry in found)
            raise MetabaseError(
                f"Metabase has {len(found)} {kind}s named {candidate!r} side by side "
                f"(ids {ids}): archive or rename all but one"
            )
        if found:
            return found[0]
    return None


def _collection_changes(document: CollectionDocument, found: Json) -> tuple[Change, ...]:
    pairs = {"name": document.name, "description": document.description}
    return tuple(
        Change((key,), found.get(key), wanted)
        for key, wanted in pairs.items()
        if found.get(key) != wanted
    )


def _parent(document: CollectionDocument) -> tuple[Reference, ...]:
    return () if document.parent is None else (("collection", document.parent),)
