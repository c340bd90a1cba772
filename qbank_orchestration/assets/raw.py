"""The tables that delivery and authors write, as external assets that are observed, never made."""

from collections.abc import Iterator

import dagster as dg

from qbank.stores import source_tables
from qbank_orchestration.resources import Database

OWNERS = ["team:data"]

SPECS = [
    dg.AssetSpec(
        ["raw", table.name],
        description=table.description,
        group_name="raw",
        owners=OWNERS,
        kinds={"postgres", "table"},
    )
    for table in source_tables.TABLES
]


@dg.multi_observable_source_asset(specs=SPECS, name="raw_tables")
def raw_tables(database: Database) -> Iterator[dg.ObserveResult]:
    """Observes how many rows each raw table has, and when its newest came."""
    with database.connect() as conn:
        for found in source_tables.observe(conn):
            newest = found.newest
            yield dg.ObserveResult(
                asset_key=dg.AssetKey(["raw", found.name]),
                # the version moves with the data, so that what stands on it shows as stale
                data_version=dg.DataVersion(found.version),
                metadata={
                    "rows": found.rows,
                    "newest_row": dg.MetadataValue.timestamp(newest) if newest else "none",
                },
            )
