"""What the stand-in remembers, and the rules by which it changes."""

from __future__ import annotations

import copy
import itertools
import uuid
from typing import Any

from tests.metabase.fake_metabase import schemas
from tests.metabase.fake_metabase.schemas import take

Json = dict[str, Any]


class RefusalError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Store:
    """Collections, cards and dashboards of one Metabase.

    Args:
        fields: `table.column` of each column in the schema `analytics`.
        release: Major release; from 57 on queries come back as MBQL 5, from 60 on with a list of
            template tags. (Where exactly the forms change does not matter; that all are met does.)
    """

    def __init__(self, fields: set[str], release: int = 58) -> None:
        self.release = release
        self.fields = {name: number for number, name in enumerate(sorted(fields), start=101)}
        self.unseen: set[str] = set()  # columns that a schema sync would bring
        self.collections: dict[int, Json] = {}
        self.cards: dict[int, Json] = {}
        self.dashboards: dict[int, Json] = {}
        self.dropped: list[str] = []
        self._ids = itertools.count(1)

    # ------------------------------------------------------------------ database

    def databases(self) -> Json:
        return {"data": [{"id": 7, "name": "qbank"}, {"id": 1, "name": "Sample"}], "total": 2}

    def metadata(self) -> Json:
        tables: dict[str, list[Json]] = {}
        for name, number in self.fields.items():
            if name not in self.unseen:
                table, _, column = name.partition(".")
                tables.setdefault(table, []).append({"id": number, "name": column})
        found = [{"schema": "analytics", "name": t, "fields": f} for t, f in tables.items()]
        # the same table name in another schema must not be taken for the mart
        other = [
            {"schema": "public", "name": t, "fields": [{"id": 9, "name": "x"}]} for t in tables
        ]
        return {"id": 7, "tables": [*other, *found]}

    def sync(self) -> Json:
        self.unseen.clear()
        return {"status": "ok"}

    # ---------------------------------------------------------------- collections

    def list_collections(self) -> list[Json]:
        root = {"id": "root", "name": "Our analytics"}
        personal = {"id": 9000, "name": "QBank", "location": "/", "personal_owner_id": 1}
        return [root, personal, *(c for c in self.collections.values() if not c["archived"])]

    def create_collection(self, body: Json) -> Json:
        taken = self._take(schemas.COLLECTION_CREATE, body)
        parent = taken.pop("parent_id", None)
        location = "/" if parent is None else f"{self._collection(parent)['location']}{parent}/"
        return self._insert(
            self.collections, {"description": None} | taken | {"location": location}
        )

    def update_collection(self, number: int, body: Json) -> Json:
        self._collection(number).update(self._take(schemas.COLLECTION_UPDATE, body))
        return self.collections[number]

    def items(self, number: int, models: list[str]) -> Json:
        self._collection(number)
        kinds = {"card": self.cards, "dashboard": self.dashboards}
        data = [
            {"id": entry["id"], "name": entry["name"], "model": kind}
            for kind in models
            for entry in kinds[kind].values()
            if entry["collection_id"] == number and not entry["archived"]
        ]
        return {"data": data, "total": len(data), "limit": None, "offset": None}

    def _collection(self, number: int | None) -> Json:
        if number not in self.collections:
            raise RefusalError(404, "Not found.")
        return self.collections[number]

    # ---------------------------------------------------------------------- cards

    def card(self, key: str) -> Json:
        for entry in self.cards.values():
            if key in {str(entry["id"]), entry["entity_id"]}:
                return self._hydrated_card(entry)
        raise RefusalError(404, "Not found.")

    def create_card(self, body: Json) -> Json:
        taken = self._take(schemas.CARD_CREATE, body)
        if taken.get("collection_id") is not None:
            self._collection(taken["collection_id"])
        taken["entity_id"] = taken.get("entity_id") or uuid.uuid4().hex[:21]
        if any(entry["entity_id"] == taken["entity_id"] for entry in self.cards.values()):
            raise RefusalError(500, {"message": "duplicate key value: unique_card_entity_id"})
        self._check_query(taken["dataset_query"])
        defaults = {"description": None, "collection_id": None, "parameters": []}
        return self._hydrated_card(self._insert(self.cards, defaults | self._tidy(taken)))

    def update_card(self, number: int, body: Json) -> Json:
        if number not in self.cards:
            raise RefusalError(404, "Not found.")
        taken = self._take(schemas.CARD_UPDATE, body)
        if taken.get("dataset_query"):
            self._check_query(taken["dataset_query"])
        self.cards[number].update(self._tidy(taken))
        return self._hydrated_card(self.cards[number])

    def _check_query(self, query: Json) -> None:
        for name, tag in query["native"].get("template-tags", {}).items():
            if tag.get("name") != name:
                raise RefusalError(
                    400, {"message": "keys in template tag map must match the :name"}
                )
            dimension = tag.get("dimension")
            if (tag["type"] == "dimension") != bool(dimension):
                raise RefusalError(400, {"message": ":dimension belongs to :type :dimension"})
            if dimension and dimension[1] not in self.fields.values():
                raise RefusalError(400, {"message": f"Field {dimension[1]} does not exist."})

    def _tidy(self, taken: Json) -> Json:
        if "parameters" in taken:
            taken["parameters"] = [
                take(schemas.PARAMETER, entry, self.dropped) for entry in taken["parameters"] or []
            ]
        return taken

    def _hydrated_card(self, entry: Json) -> Json:
        card = copy.deepcopy(entry)
        query = card["dataset_query"]
        tags = query["native"].setdefault("template-tags", {})
        if self.release >= 57:
            for tag in tags.values():
                if tag.get("dimension"):
                    tag["dimension"] = [
                        "field",
                        {"lib/uuid": str(uuid.uuid4())},
                        tag["dimension"][1],
                    ]
            stage = {"lib/type": "mbql.stage/native", "native": query["native"]["query"]}
            if self.release >= 60:
                tags = list(tags.values())
            card["dataset_query"] = {
                "lib/type": "mbql/query",
                "database": query["database"],
                "stages": [stage | {"template-tags": tags}],
            }
        return card | {"result_metadata": [], "creator_id": 1, "can_write": True}

    # ----------------------------------------------------------------- dashboards

    def dashboard(self, number: int) -> Json:
        if number not in self.dashboards:
            raise RefusalError(404, "Not found.")
        found = copy.deepcopy(self.dashboards[number])
        for dashcard in found["dashcards"]:
            if dashcard["card_id"] is not None:
                dashcard["card"] = self._hydrated_card(self.cards[dashcard["card_id"]])
            if self.release >= 57:
                for mapping in dashcard["parameter_mappings"]:
                    mapping["target"] = [*mapping["target"], {"stage-number": 0}]
        return found

    def create_dashboard(self, body: Json) -> Json:
        taken = self._tidy(self._take(schemas.DASHBOARD_CREATE, body))
        self._collection(taken["collection_id"])
        bare = {
            "description": None,
            "parameters": [],
            "width": "fixed",
            "dashcards": [],
            "tabs": [],
        }
        return self.dashboard(self._insert(self.dashboards, bare | taken)["id"])

    def update_dashboard(self, number: int, body: Json) -> Json:
        if number not in self.dashboards:
            raise RefusalError(404, "Not found.")
        entry = self.dashboards[number]
        taken = self._tidy(self._take(schemas.DASHBOARD_UPDATE, body))
        if "dashcards" in taken:
            taken["dashcards"] = self._dashcards(entry, taken["dashcards"], taken.get("tabs") or [])
        entry.update(taken)
        return self.dashboard(number)

    def _dashcards(self, entry: Json, wanted: list[Json], tabs: list[Json]) -> list[Json]:
        """Places that are not in `wanted` go; unknown ids become new ones."""
        known = {dashcard["id"] for dashcard in entry["dashcards"]}
        placed = []
        for body in wanted:
            dashcard = take(schemas.DASHCARD, body, self.dropped)
            card_id = dashcard.get("card_id")
            if card_id is not None and card_id not in self.cards:
                raise RefusalError(404, "Not found.")
            if card_id is not None and self.cards[card_id]["archived"]:
                raise RefusalError(404, {"message": "The object has been archived."})
            if tabs and dashcard.get("dashboard_tab_id") is None:
                raise RefusalError(
                    400, {"message": "This dashboard has tab, makes sure every card has a tab"}
                )
            number = dashcard["id"] if dashcard["id"] in known else next(self._ids)
            bare = {"card_id": None, "parameter_mappings": [], "visualization_settings": {}}
            placed.append(bare | {"series": []} | dashcard | {"id": number})
        return placed

    def delete_dashboard(self, number: int) -> None:
        if self.dashboards.pop(number, None) is None:
            raise RefusalError(404, "Not found.")

    # --------------------------------------------------------------------- common

    def _take(self, schema: schemas.Schema, body: Json) -> Json:
        try:
            return take(schema, copy.deepcopy(body), self.dropped)
        except ValueError as error:
            errors = error.args[0]
            raise RefusalError(400, {"errors": errors, "specific-errors": errors}) from None

    def _insert(self, table: dict[int, Json], entry: Json) -> Json:
        number = next(self._ids)
        table[number] = entry | {"id": number, "archived": False}
        return table[number]
