"""Which columns of its sources each column of a dbt model comes from, read out of its compiled SQL.

It moves with the project and not with a night, so it is kept in a file: taking all models apart
takes a second, finding them there nothing. What never lives here: what a column means (dbt's yml).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

_DIALECT = "postgres"
Node = Mapping[str, Any]  # of dbt's manifest
Deps = dict[str, list[tuple[str, str]]]  # column: unique ids and columns that it is made of


class ColumnLineage:
    """The column lineage of a manifest's models.

    Attributes:
        manifest: the parsed manifest.
        kept: the file that what was found is kept in; a damaged one is begun anew.
    """

    def __init__(self, manifest: Node, kept: Path) -> None:
        self.manifest = manifest
        self.kept = kept

    def of(
        self, unique_id: str, compiled: Path, asset_key: Callable[[Node], dg.AssetKey]
    ) -> dg.TableColumnLineage | None:
        """The lineage of a model; None where its SQL is not to be had, or is beyond the parser.

        Args:
            unique_id: the model.
            compiled: dbt's folder of compiled SQL of a run that built it.
            asset_key: gives the key of a node.
        """
        node = self.manifest["nodes"][unique_id]
        known = self._read()
        version = _version(node, self._parents(node))
        if known.get(unique_id, {}).get("version") != version:
            file = compiled / node["package_name"] / node["original_file_path"]
            if not file.exists():
                return None
            known[unique_id] = {"version": version, "deps": self._take_apart(node, file)}
            self._write(known)
        deps: Deps | None = known[unique_id]["deps"]
        if deps is None:
            return None
        return dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(asset_key(self._node(name)), at) for name, at in found]
                for column, found in deps.items()
            }
        )

    def _take_apart(self, node: Node, file: Path) -> Deps | None:
        try:
            return _deps(node, self._parents(node), file.read_text())
        except SqlglotError as problem:
            logging.getLogger(__name__).info("no column lineage of %s: %s", node["name"], problem)
            return None

    def _parents(self, node: Node) -> list[Node]:
        return [self._node(name) for name in node["depends_on"]["nodes"]]

    def _node(self, unique_id: str) -> Node:
        models: Mapping[str, Node] = self.manifest["nodes"]
        return models[unique_id] if unique_id in models else self.manifest["sources"][unique_id]

    def _read(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self.kept.read_text())
        except (OSError, ValueError):
            return {}
        return known

    def _write(self, known: Mapping[str, Any]) -> None:
        unfinished = self.kept.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(known))
        unfinished.replace(self.kept)


def _version(node: Node, parents: Iterable[Node]) -> str:
    """Of the model's text and of the columns that it reads."""
    read = {parent["unique_id"]: sorted(parent["columns"]) for parent in parents}
    text = json.dumps([node["checksum"]["checksum"], sorted(node["columns"]), read], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _deps(node: Node, parents: Iterable[Node], sql: str) -> Deps:
    query = parse_one(sql, dialect=_DIALECT)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)  # the manifest may be made for a database of another name
    mentioned = {column.name for column in query.find_all(exp.Column)}
    schema = MappingSchema(dialect=_DIALECT)
    by_table = {}
    for known in (node, *parents):
        named = exp.table_(known.get("identifier") or known["alias"], db=known["schema"])
        # the raw tables' columns are the migrations' matter: those that the model speaks of
        columns = known["columns"] or {name: {} for name in mentioned}
        kinds = {name: column.get("data_type") or "text" for name, column in columns.items()}
        schema.add_table(named, kinds, dialect=_DIALECT)
        by_table[named.db, named.name] = known["unique_id"]
    del by_table[node["schema"], node["alias"]]  # an incremental model reads itself to find news
    # what the log of changes is read by is of no matter to a column, and not in the schema
    # and nobody reads the text of a step, for which each column would copy the whole query
    found = lineage(
        None, query, schema, dialect=_DIALECT, trim_selects=False, validate_qualify_columns=False
    )
    return {
        column: sorted(
            {
                (by_table[origin.db, origin.name], name)
                for leaf in traced.walk()
                if not leaf.downstream
                and (name := leaf.name.rpartition(".")[2].strip('"')) != "*"  # count(*)
                and (origin := leaf.expression.find(exp.Table))
                and (origin.db, origin.name) in by_table
            }
        )
        for column, traced in found.items()
        if column in node["columns"]
    }
