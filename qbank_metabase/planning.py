"""What a push would do, found by reading alone.

Belongs here: looking up what is there, comparing it with the content, and the order of the steps.
Never here: a request that changes anything (`applying.py`).
"""

from __future__ import annotations

from qbank_metabase.catalog import Catalog, read_catalog
from qbank_metabase.client import Json, MetabaseClient
from qbank_metabase.collection_steps import collection_steps, only_one
from qbank_metabase.content import Content
from qbank_metabase.differences import differences
from qbank_metabase.documents import CardDocument, DashboardDocument
from qbank_metabase.identity import card_entity_id
from qbank_metabase.observed import dashcard_label, observed_card, observed_dashboard
from qbank_metabase.states import desired_card, desired_dashboard
from qbank_metabase.steps import Action, Kind, Plan, Reference, Step, existing_step, new_step


def make_plan(
    client: MetabaseClient, content: Content, database: str, schema: str, *, prune: bool = False
) -> Plan:
    """Compare the content with what Metabase has.

    Args:
        client: Connection; it is only read from.
        content: What should be there.
        database: Name of the database in Metabase.
        schema: Schema of the marts.
        prune: Archive cards and dashboards in our collections that the content does not have.

    Returns:
        The plan.

    Raises:
        MetabaseError: The database or a column is unknown to Metabase, or a name is ambiguous.
        ApiError: Metabase refused a read or could not be reached.
    """
    catalog = read_catalog(client, database, schema, content.columns())
    steps = list(collection_steps(client, content, catalog))
    for card in content.cards.values():
        steps.append(_card_step(client, content, card, catalog, schema))
    items = {
        path: client.collection_items(i, "dashboard") for path, i in catalog.collection_ids.items()
    }
    dashboards = [
        _dashboard_step(client, content, dashboard, catalog, items)
        for dashboard in content.dashboards.values()
    ]
    steps += dashboards
    ours = {step.remote_id for step in dashboards}
    strangers: list[tuple[Kind, Json]] = [
        ("dashboard", item) for found in items.values() for item in found if item["id"] not in ours
    ]
    strangers += _strange_cards(client, catalog)
    steps += [_stranger_step(kind, item, prune=prune) for kind, item in strangers]
    return Plan(content, catalog, tuple(steps))


def _card_step(
    client: MetabaseClient, content: Content, card: CardDocument, catalog: Catalog, schema: str
) -> Step:
    desired = desired_card(content, card, catalog.database, schema)
    needs: tuple[Reference, ...] = (("collection", card.collection),)
    found = client.find(f"/api/card/{card_entity_id(card.key)}")
    if found is None:
        return new_step("card", card.key, card.name, needs, desired)
    catalog.card_ids[card.key] = found["id"]
    changes = differences(observed_card(found, catalog), desired)
    return existing_step("card", card.key, card.name, found["id"], changes, needs, desired)


def _dashboard_step(
    client: MetabaseClient,
    content: Content,
    dashboard: DashboardDocument,
    catalog: Catalog,
    items: dict[str, list[Json]],
) -> Step:
    desired = desired_dashboard(content, dashboard)
    needs: tuple[Reference, ...] = (
        ("collection", dashboard.collection),
        *(("card", key) for key in dashboard.card_keys()),
    )
    siblings = items.get(desired.collection, [])
    listed = only_one("dashboard", siblings, dashboard.name, dashboard.former_names)
    found = None if listed is None else client.find(f"/api/dashboard/{listed['id']}")
    if found is None:
        return new_step("dashboard", dashboard.key, dashboard.name, needs, desired)
    changes = differences(observed_dashboard(found, catalog), desired)
    dashcard_ids = {dashcard_label(card, catalog): card["id"] for card in found["dashcards"]}
    return existing_step(
        "dashboard",
        dashboard.key,
        dashboard.name,
        found["id"],
        changes,
        needs,
        desired,
        dashcard_ids,
    )


def _strange_cards(client: MetabaseClient, catalog: Catalog) -> list[tuple[Kind, Json]]:
    ours = set(catalog.card_ids.values())
    return [
        ("card", item)
        for collection_id in catalog.collection_ids.values()
        for item in client.collection_items(collection_id, "card")
        if item["id"] not in ours
    ]


def _stranger_step(kind: Kind, item: Json, *, prune: bool) -> Step:
    action: Action = "archive" if prune else "leave"
    return Step(kind, f"{kind} {item['id']}", item["name"], action, item["id"])
