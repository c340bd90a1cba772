"""The names by which an import writes people down: their ids, or pseudonyms of them.

What never lives here: making a pseudonym (``qbank.pseudonyms``), and judging an id.
"""

from __future__ import annotations

import re

import pyarrow as pa

from qbank import pseudonyms
from qbank.postgres import Connection
from qbank.pseudonyms import PseudonymKey


class Names:
    """Names people as one import does.

    Args:
        key: of the pseudonyms; None names people by their ids.
    """

    def __init__(self, key: PseudonymKey | None) -> None:
        self._key = key
        self._tenant = ""
        self._known: dict[str, str] = {}

    def begin(self, connection: Connection, tenant: str) -> None:
        """Takes the tenant that the people are of.

        Raises:
            SettingsError: people of the tenant have pseudonyms by another key.
        """
        self._tenant = tenant
        if self._key is not None:
            pseudonyms.claim(connection, self._key, tenant)

    def written(self, rows: pa.Table) -> pa.Table:
        """Typed rows with the names that are written down."""
        if self._key is None or not rows.num_rows:
            return rows
        people = rows.column("user_id").combine_chunks().dictionary_encode()
        names = [self._name(person) for person in people.dictionary.to_pylist()]
        place = rows.schema.get_field_index("user_id")
        named = pa.array(names, pa.string()).take(people.indices)
        return rows.set_column(place, "user_id", named)

    def notes(self) -> list[str]:
        """What is to be told of it."""
        if self._key is None:
            return []
        already = sum(bool(re.match(pseudonyms.FORM, person)) for person in self._known)
        beside = f", {already} of them in the file already" if already else ""
        return [f"{len(self._known)} people come in by pseudonyms{beside}"]

    def _name(self, person: str) -> str:
        assert self._key is not None  # noqa: S101
        if person not in self._known:
            self._known[person] = self._key.pseudonym(self._tenant, person)
        return self._known[person]
