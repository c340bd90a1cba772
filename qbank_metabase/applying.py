"""Carrying out a plan, so that a failure in one place leaves the rest whole.

Belongs here: the writes, in order, and what became of each. What depends on something that failed
is left as it was. After each write Metabase's answer is compared with what was asked for, since it
drops what it does not understand without a word. Never here: deciding what to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from qbank_metabase.bodies import CollectionBody, DashboardCreateBody, card_body, dashboard_body
from qbank_metabase.client import MetabaseClient
from qbank_metabase.differences import Change, differences
from qbank_metabase.errors import ApiError, MetabaseError
from qbank_metabase.identity import card_entity_id
from qbank_metabase.observed import observed_card, observed_dashboard
from qbank_metabase.states import CardState, DashboardState
from qbank_metabase.steps import Plan, Reference, Step

Result = Literal["created", "updated", "archived", "unchanged", "left", "failed", "skipped"]

_DONE: dict[str, Result] = {
    "create": "created",
    "update": "updated",
    "archive": "archived",
    "unchanged": "unchanged",
    "leave": "left",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a step; `reason` says why it failed or was skipped."""

    step: Step
    result: Result
    reason: str = ""

    @property
    def bad(self) -> bool:
        """Whether someone must look at it."""
        return self.result in {"failed", "skipped"}


class NotKeptError(MetabaseError):
    """Metabase accepted a write but holds something else than was sent."""


def apply_plan(
    client: MetabaseClient, plan: Plan, progress: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """Carry out every step that can be carried out.

    Args:
        client: Connection to write through.
        plan: What to do; its catalog takes up the ids of what is created.
        progress: Called with each outcome as it happens.

    Returns:
        One outcome a step, in order. Never raises for a single step.
    """
    writer = _Writer(client, plan)
    outcomes: list[Outcome] = []
    bad: set[Reference] = set()
    unreachable = ""
    for step in plan.steps:
        missing = [f"{kind} {key}" for kind, key in step.needs if (kind, key) in bad]
        if unreachable and step.writes:
            outcome = Outcome(step, "skipped", unreachable)
        elif missing and step.writes:
            outcome = Outcome(step, "skipped", f"left as it was: it needs {', '.join(missing)}")
        else:
            outcome, unreachable = writer.carry_out(step)
        if outcome.bad:
            bad.add((step.kind, step.key))
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    return outcomes


class _Writer:
    """Sends the bodies of steps, and learns the ids of what comes to be."""

    def __init__(self, client: MetabaseClient, plan: Plan) -> None:
        self._client = client
        self._content = plan.content
        self._catalog = plan.catalog

    def carry_out(self, step: Step) -> tuple[Outcome, str]:
        """Return the outcome, and why to stop writing altogether (else an empty string)."""
        if not step.writes:
            return Outcome(step, _DONE[step.action]), ""
        try:
            self._write(step)
        except ApiError as error:
            gone = "" if error.status is not None else "Metabase could not be reached any more"
            return Outcome(step, "failed", str(error)), gone
        except NotKeptError as error:
            return Outcome(step, "failed", str(error)), ""
        return Outcome(step, _DONE[step.action]), ""

    def _write(self, step: Step) -> None:
        if step.action == "archive":
            self._client.request("PUT", f"/api/{step.kind}/{step.remote_id}", {"archived": True})
        elif isinstance(step.desired, CardState):
            self._write_card(step, step.desired)
        elif isinstance(step.desired, DashboardState):
            self._write_dashboard(step, step.desired)
        else:
            self._write_collection(step)

    def _write_collection(self, step: Step) -> None:
        document = self._content.collections[step.key]
        fields: dict[str, Any] = {"name": document.name, "description": document.description}
        if step.remote_id is not None:
            body = CollectionBody(**fields).json_body()
            self._client.request("PUT", f"/api/collection/{step.remote_id}", body)
            return
        if document.parent is not None:
            parent = self._content.collection_path(document.parent)
            fields["parent_id"] = self._catalog.collection_ids[parent]
        answer = self._client.request(
            "POST", "/api/collection", CollectionBody(**fields).json_body()
        )
        self._catalog.collection_ids[self._content.collection_path(step.key)] = answer["id"]

    def _write_card(self, step: Step, desired: CardState) -> None:
        if step.remote_id is None:
            body = card_body(desired, self._catalog, card_entity_id(step.key))
            answer = self._client.request("POST", "/api/card", body.json_body())
        else:
            body = card_body(desired, self._catalog, None)
            answer = self._client.request("PUT", f"/api/card/{step.remote_id}", body.json_body())
        self._catalog.card_ids[step.key] = answer["id"]
        _check_kept(differences(observed_card(answer, self._catalog), desired))

    def _write_dashboard(self, step: Step, desired: DashboardState) -> None:
        body = dashboard_body(desired, self._catalog, step.dashcard_ids).json_body()
        if step.remote_id is not None:
            answer = self._client.request("PUT", f"/api/dashboard/{step.remote_id}", body)
        else:
            answer = self._create_dashboard(desired, body)
        _check_kept(differences(observed_dashboard(answer, self._catalog), desired))

    def _create_dashboard(self, desired: DashboardState, body: dict[str, Any]) -> dict[str, Any]:
        bare = DashboardCreateBody(
            name=desired.name,
            description=desired.description,
            collection_id=self._catalog.collection_ids[desired.collection],
        )
        created = self._client.request("POST", "/api/dashboard", bare.json_body())
        try:
            return dict(self._client.request("PUT", f"/api/dashboard/{created['id']}", body))
        except ApiError as error:
            if error.status is not None:
                # nobody has seen it yet, and an empty dashboard would only mislead
                self._client.request("DELETE", f"/api/dashboard/{created['id']}")
            raise


def _check_kept(left: tuple[Change, ...]) -> None:
    if left:
        kept = "; ".join(f"{c.name} is {c.before!r}, not {c.after!r}" for c in left[:3])
        raise NotKeptError(f"Metabase took the write but did not keep it: {kept}")
