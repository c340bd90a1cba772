"""Assets as OpenLineage's datasets: tables by where they are, others by their names in Dagster.

What never lives here: runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from psycopg.conninfo import conninfo_to_dict

from qbank import postgres
from qbank_orchestration.metadata.marts import COLUMN_LINEAGE, ROW_COUNT

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset

TABLE, COLUMNS = "dagster/table_name", "dagster/column_schema"  # as Dagit knows them
RAW = "raw"


@dataclass(frozen=True)
class Naming:
    """How assets are called.

    Attributes:
        namespace: of what is no table.
        server: namespace of tables, as OpenLineage writes Postgres' address.
        database: their database.
        nodes: what Dagster's graph knows of an asset, by key.
    """

    namespace: str
    server: str
    database: str
    nodes: Any

    @classmethod
    def of(cls, namespace: str, nodes: Any) -> Naming:
        """By the database of this process."""
        place = conninfo_to_dict(postgres.dsn("orchestration"))
        server = f"postgres://{place.get('host', 'localhost')}:{place.get('port', 5432)}"
        return cls(namespace, server, str(place["dbname"]), nodes)

    def name(self, key: dg.AssetKey) -> tuple[str, str]:
        """Namespace and name of an asset."""
        table = self._metadata(key).get(TABLE)
        if table is not None:
            # the manifest may be built without a database, and has no name of it then
            _, _, place = str(getattr(table, "value", table)).partition(".")
            return self.server, f"{self.database}.{place}"
        if key.path[0] == RAW:
            return self.server, f"{self.database}.public.{key.path[-1]}"
        return self.namespace, key.to_user_string()

    def parents(self, key: dg.AssetKey) -> list[dg.AssetKey]:
        """What an asset is made of."""
        return sorted(self.nodes.get(key).parent_keys) if self.nodes.has(key) else []

    def read(self, key: dg.AssetKey) -> InputDataset:
        """An asset that another one is made of."""
        from openlineage.client.event_v2 import InputDataset

        return InputDataset(*self.name(key))

    def made(self, key: dg.AssetKey, metadata: dict[str, dg.MetadataValue[Any]]) -> OutputDataset:
        """An asset that was made, with what its materialization says.

        Args:
            key: which.
            metadata: of the materialization.
        """
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.generated.base import DatasetFacet, OutputDatasetFacet
        from openlineage.client.generated.output_statistics_output_dataset import (
            OutputStatisticsOutputDatasetFacet,
        )

        facets: dict[str, DatasetFacet] = {}
        outputs: dict[str, OutputDatasetFacet] = {}
        if columns := self._columns(key):
            facets["schema"] = columns
        if (lineage := metadata.get(COLUMN_LINEAGE)) is not None:
            facets["columnLineage"] = self._lineage(lineage.value)
        if (rows := metadata.get(ROW_COUNT)) is not None:
            counted = OutputStatisticsOutputDatasetFacet(rowCount=int(rows.value))
            outputs["outputStatistics"] = counted
        namespace, name = self.name(key)
        return OutputDataset(namespace, name, facets=facets, outputFacets=outputs)

    def _metadata(self, key: dg.AssetKey) -> dict[str, Any]:
        return dict(self.nodes.get(key).metadata) if self.nodes.has(key) else {}

    def _columns(self, key: dg.AssetKey) -> Any:
        from openlineage.client.generated.schema_dataset import (
            SchemaDatasetFacet,
            SchemaDatasetFacetFields,
        )

        schema = self._metadata(key).get(COLUMNS)
        if schema is None:
            return None
        columns = getattr(schema, "value", schema).columns
        return SchemaDatasetFacet(
            fields=[
                SchemaDatasetFacetFields(name=c.name, type=c.type, description=c.description)
                for c in columns
            ]
        )

    def _lineage(self, found: dg.TableColumnLineage) -> Any:
        from openlineage.client.generated.column_lineage_dataset import (
            ColumnLineageDatasetFacet,
            Fields,
            InputField,
        )

        return ColumnLineageDatasetFacet(
            fields={
                column: Fields(
                    inputFields=[
                        InputField(*self.name(of.asset_key), of.column_name) for of in comes_of
                    ]
                )
                for column, comes_of in found.deps_by_column.items()
            }
        )
