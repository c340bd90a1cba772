"""What Dagit shows of a dbt build beyond what dbt says: rows, column lineage, what is wrong where.

A night must not pay for it with its rows: a table of millions is counted by the weekly run, and
estimated by a night. What never lives here: what is built (``assets.marts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation
from psycopg import sql

from qbank import postgres
from qbank_orchestration.metadata.column_lineage import ColumnLineage

ROW_COUNT, COLUMN_LINEAGE = "dagster/row_count", "dagster/column_lineage"  # as Dagit knows them
COUNTED_ROWS = 200_000  # a table that seems larger is not counted in a night: 10 million take 1 s
_WRITTEN = re.compile(r"(?:SELECT|INSERT 0|MERGE) (\d+)")  # what PostgreSQL answers
# the one is lost with a crash and not copied with a database, the other waits for autovacuum
_ESTIMATE = """SELECT greatest(s.n_live_tup, c.reltuples)
    FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
    WHERE s.schemaname = %s AND s.relname = %s"""


class Described:
    """The events of one dbt build for Dagster, with what is to be seen of each.

    Attributes:
        invocation: the running dbt command.
        exactly: every table is counted, whatever its size.
        kept: where column lineage is kept from run to run.
    """

    def __init__(
        self, invocation: DbtCliInvocation, conn: postgres.Connection, *, exactly: bool, kept: Path
    ) -> None:
        self.invocation = invocation
        self.exactly = exactly
        self._conn = conn
        self._lineage = ColumnLineage(invocation.manifest, kept)
        self._said: dict[str, list[str]] = {}

    def events(self) -> Iterator[Any]:
        """Materializations and check results, as dbt comes to them."""
        invocation = self.invocation
        for message in invocation.stream_raw_events():
            unique_id = message.raw_event["data"].get("node_info", {}).get("unique_id")
            if message.raw_event["info"]["name"] == "JinjaLogInfo" and unique_id:
                self._said.setdefault(unique_id, []).append(str(message))
            for event in message.to_default_asset_events(
                manifest=invocation.manifest,
                dagster_dbt_translator=invocation.dagster_dbt_translator,
                context=invocation.context,
                target_path=invocation.target_path,
                project=invocation.project,
            ):
                node = invocation.manifest["nodes"][unique_id]
                if isinstance(event, dg.Output):
                    status = str(message.raw_event["data"].get("status", ""))
                    found = {**self._rows(node, status), **self._columns(node)}
                    yield event.with_metadata({**event.metadata, **found})
                elif isinstance(event, dg.AssetCheckResult) and _is_comparison(node):
                    yield self._judged(event, unique_id)
                else:
                    yield event

    def _rows(self, node: Mapping[str, Any], status: str) -> dict[str, Any]:
        """Rows of the table, and those that the build wrote to it; nothing of a view."""
        kind = node["config"]["materialized"]
        written = _WRITTEN.search(status)
        if kind == "view" or not written:
            return {}
        if kind == "table":
            return {ROW_COUNT: int(written[1])}
        found: dict[str, Any] = {"rows written": int(written[1])}
        estimate = self._number(_ESTIMATE, node["schema"], node["alias"])
        if self.exactly or estimate <= COUNTED_ROWS:
            table = sql.Identifier(node["schema"], node["alias"])
            counted = self._number(sql.SQL("SELECT count(*) FROM {}").format(table))
            return found | {ROW_COUNT: counted}
        return found | {"rows, estimated": estimate}

    def _number(self, query: Any, *values: object) -> int:
        row = self._conn.execute(query, values).fetchone()
        return int(row[0]) if row else 0

    def _columns(self, node: Mapping[str, Any]) -> dict[str, Any]:
        translator: DagsterDbtTranslator = self.invocation.dagster_dbt_translator
        found = self._lineage.of(
            node["unique_id"], self.invocation.target_path / "compiled", translator.get_asset_key
        )
        return {COLUMN_LINEAGE: dg.MetadataValue.column_lineage(found)} if found else {}

    def _judged(self, event: dg.AssetCheckResult, unique_id: str) -> dg.AssetCheckResult:
        """A comparison that failed: an error, so that a person hears of it; with what is wrong."""
        if event.passed:
            return event
        said = self._said.get(unique_id, [])
        lines = dg.MetadataValue.md("\n".join(f"- {line}" for line in said))
        return event._replace(
            severity=dg.AssetCheckSeverity.ERROR,
            description=" · ".join(said[:3]),
            metadata={**(event.metadata or {}), "differences": lines},
        )


def _is_comparison(node: Mapping[str, Any]) -> bool:
    return bool(node["config"]["meta"].get("standing_comparison"))
