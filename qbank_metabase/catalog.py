"""Ids that a Metabase gave out: its database, the fields of the marts, our cards and collections.

Belongs here: names to ids and back. Never here: writing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from qbank_metabase.client import MetabaseClient
from qbank_metabase.errors import MetabaseError


class UnseenColumnsError(MetabaseError):
    """Metabase has not looked at the marts since they got these columns."""


@dataclass
class Catalog:
    """What is called how in one Metabase. Grows as a push creates things.

    Attributes:
        database: Name of the database.
        database_id: Its id.
        field_ids: `schema.table.column` to field id.
        collection_ids: Path of a collection of ours to its id.
        card_ids: Key of a card of ours to its id.
    """

    database: str
    database_id: int
    field_ids: dict[str, int]
    collection_ids: dict[str, int] = field(default_factory=dict)
    card_ids: dict[str, int] = field(default_factory=dict)

    def column(self, field_id: object) -> str:
        """Return `schema.table.column` of a field id, or the id in words where it is foreign."""
        names = (name for name, known in self.field_ids.items() if known == field_id)
        return next(names, f"field {field_id}")

    def card_label(self, card_id: object) -> str:
        """Return our key of a card id, or the id in words where the card is not ours."""
        keys = (key for key, known in self.card_ids.items() if known == card_id)
        return next(keys, f"card {card_id} (not in the content)")

    def collection_path(self, collection_id: object) -> str:
        """Return the path of a collection id, or the id in words where it is not ours."""
        paths = (path for path, known in self.collection_ids.items() if known == collection_id)
        return next(paths, f"collection {collection_id} (not in the content)")


def read_catalog(
    client: MetabaseClient, database: str, schema: str, columns: Iterable[str]
) -> Catalog:
    """Look up the database and the fields that the content filters on.

    Args:
        client: Connection to Metabase.
        database: Name of the database in Metabase.
        schema: Schema of the marts.
        columns: `table.column` names that must be there.

    Returns:
        The catalog, without collections and cards as yet.

    Raises:
        MetabaseError: There is no such database.
        UnseenColumnsError: Metabase has not seen some of the columns.
    """
    known = {str(entry["name"]): int(entry["id"]) for entry in client.databases()}
    if database not in known:
        raise MetabaseError(
            f"Metabase has no database {database!r} (it has {sorted(known)}): connect it under "
            "Admin › Databases with the role qbank_analyst, or set QBANK_METABASE_DATABASE"
        )
    field_ids = {
        f"{table['schema']}.{table['name']}.{column['name']}": int(column["id"])
        for table in client.tables(known[database])
        if table["schema"] == schema
        for column in table["fields"]
    }
    wanted = {f"{schema}.{column}" for column in columns}
    if missing := sorted(wanted - set(field_ids)):
        raise UnseenColumnsError(
            f"Metabase has not seen {', '.join(missing)}: build the marts, then push with --sync "
            "(or Admin › Databases › Sync database schema)"
        )
    return Catalog(database, known[database], field_ids)


def sync_columns(
    client: MetabaseClient, database: str, schema: str, columns: set[str], wait_seconds: float
) -> None:
    """Have Metabase look at the database again, and wait until it has seen the columns.

    Raises:
        UnseenColumnsError: It has not seen them after `wait_seconds`.
    """
    client.sync_schema(read_catalog(client, database, schema, ()).database_id)
    retrying = Retrying(
        retry=retry_if_exception_type(UnseenColumnsError),
        stop=stop_after_delay(wait_seconds),
        wait=wait_fixed(min(2.0, wait_seconds / 10)),
        reraise=True,
    )
    retrying(read_catalog, client, database, schema, columns)
