"""The people of one imported file: the names they are written down by, and their attributes.

What never lives here: making a pseudonym (``qbank.pseudonyms``), and judging an id.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from qbank import pseudonyms
from qbank.importing.attributes import Attributes
from qbank.importing.request import ImportRequest
from qbank.postgres import Connection
from qbank.pseudonyms import PseudonymKey
from qbank.settings import Settings, get_settings


class People:
    """Those of one import.

    Args:
        request: whether it names people by pseudonyms, and which attributes of them it has.
        settings: those of the process where None.

    Attributes:
        attributes: what the file says of them beside their answers.

    Raises:
        SettingsError: pseudonyms are asked for, and there is no key that can be used.
    """

    def __init__(self, request: ImportRequest, settings: Settings | None) -> None:
        self.attributes = Attributes(
            request.columns.groups, replaces=request.on_conflict == "replace"
        )
        self._key: PseudonymKey | None = None
        if request.pseudonymise:
            self._key = PseudonymKey.load(settings or get_settings())
        self._tenant = ""
        self._pseudonyms: dict[str, str] = {}

    def begin(self, connection: Connection, tenant: str) -> None:
        """Takes the tenant that the people are of.

        Raises:
            SettingsError: people of the tenant have pseudonyms by another key.
        """
        self._tenant = tenant
        if self._key is not None:
            self._key = pseudonyms.claim(connection, self._key, tenant)

    def written(self, table: pa.Table, right: Any, rows: pa.Table) -> pa.Table:
        """Typed rows with the names that are written down; attributes are kept for later.

        Args:
            table: raw columns of n rows, with those of the attributes.
            right: which of them go on, shape (n,).
            rows: those, typed.
        """
        if self._key is not None and rows.num_rows:
            people = rows.column("user_id").combine_chunks().dictionary_encode()
            names = [self._pseudonym(person) for person in people.dictionary.to_pylist()]
            place = rows.schema.get_field_index("user_id")
            named = pa.array(names, pa.string()).take(people.indices)
            rows = rows.set_column(place, "user_id", named)
        self.attributes.add(table, right, rows)
        return rows

    def notes(self) -> list[str]:
        """What is to be told of them."""
        named = []
        if self._key is not None:
            already = sum(bool(re.match(pseudonyms.FORM, person)) for person in self._pseudonyms)
            beside = f", {already} of them in the file already" if already else ""
            named = [f"{len(self._pseudonyms)} people come in by pseudonyms{beside}"]
        return [*named, *self.attributes.notes()]

    def _pseudonym(self, person: str) -> str:
        assert self._key is not None  # noqa: S101
        if person not in self._pseudonyms:
            self._pseudonyms[person] = self._key.pseudonym(self._tenant, person)
        return self._pseudonyms[person]
