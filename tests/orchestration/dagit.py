"""Dagit on the database that the environment names, driven as its pages drive it.

Each call is the GraphQL operation that the button of an asset page, a run page or the launchpad
sends. What never lives here: what a test expects of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from qbank.project_files import project_file
from qbank.serving import dagster_environment
from qbank.settings import get_settings
from qbank_orchestration.instance import instance
from tests.e2e.processes import free_port, process, tool
from tests.e2e.processes import wait_for as wait_for_page
from tests.orchestration.daemon import wait_for

PATIENCE = 300.0
_LAUNCH = """mutation ($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message } ... on InvalidSubsetError { message } } }"""


@dataclass(frozen=True)
class Dagit:
    """A running Dagit.

    Attributes:
        address: of its pages.
    """

    address: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """One GraphQL operation; an error of it, or of Python behind it, fails the test."""
        reply = httpx.post(
            f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=120
        ).json()
        assert "errors" not in reply, reply["errors"]
        for answer in reply["data"].values():
            if isinstance(answer, dict):
                assert "Error" not in answer.get("__typename", ""), answer
        return dict(reply["data"])

    def launch(self, job: str, location: str = "qbank") -> str:
        """The launchpad of a job; gives the run's id."""
        answer = self.ask(
            _LAUNCH,
            p={
                "selector": _repository(location) | {"jobName": job},
                "mode": "default",
                "runConfigData": {},
            },
        )
        return str(answer["launchRun"]["run"]["runId"])

    def materialize(
        self, assets: Sequence[str], partition: str, config: dict[str, Any] | None = None
    ) -> str:
        """The button *Materialize* of an asset page for one partition; gives the run's id."""
        tags = [{"key": "dagster/partition", "value": partition}]
        if "|" in partition:
            for dimension, value in zip(("day", "exam"), partition.split("|"), strict=True):
                tags.append({"key": f"dagster/partition/{dimension}", "value": value})
        answer = self.ask(
            _LAUNCH,
            p={
                "selector": _repository()
                | {
                    "jobName": "__ASSET_JOB",
                    "assetSelection": [{"path": name.split("/")} for name in assets],
                    "assetCheckSelection": self.checks_of(assets),
                },
                "mode": "default",
                "runConfigData": config or {},
                "executionMetadata": {"tags": tags},
            },
        )
        return str(answer["launchRun"]["run"]["runId"])

    def checks_of(self, assets: Sequence[str]) -> list[dict[str, Any]]:
        """The checks that come with assets, as the page selects them."""
        answer = self.ask(
            """query ($k: [AssetKeyInput!]) { assetNodes(assetKeys: $k) { assetKey { path }
                assetChecksOrError { ... on AssetChecks { checks { name } } } } }""",
            k=[{"path": name.split("/")} for name in assets],
        )
        return [
            {"assetKey": {"path": node["assetKey"]["path"]}, "name": check["name"]}
            for node in answer["assetNodes"]
            for check in node["assetChecksOrError"]["checks"]
        ]

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """The button *Launch backfill* of an asset page; gives the backfill's id."""
        answer = self.ask(
            """mutation ($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
                __typename ... on LaunchBackfillSuccess { backfillId }
                ... on PythonError { message } ... on PartitionKeysNotFoundError { message } } }""",
            p={
                "assetSelection": [{"path": name.split("/")} for name in assets],
                "partitionNames": [*partitions],
                "tags": [],
            },
        )
        return str(answer["launchPartitionBackfill"]["backfillId"])

    def reexecute(self, run_id: str, strategy: str = "FROM_FAILURE") -> str:
        """The button *Re-execute* of a run page; gives the new run's id."""
        answer = self.ask(
            """mutation ($p: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $p) {
                __typename ... on LaunchRunSuccess { run { runId } }
                ... on PythonError { message } } }""",
            p={"parentRunId": run_id, "strategy": strategy},
        )
        return str(answer["launchRunReexecution"]["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """The button *Terminate* of a run page."""
        self.ask(
            """mutation ($r: String!) { terminateRun(runId: $r) { __typename
                ... on TerminateRunFailure { message } ... on PythonError { message } } }""",
            r=run_id,
        )

    def reload(self, location: str) -> None:
        """The button *Reload* of the deployment page."""
        self.ask(
            """mutation ($l: String!) { reloadRepositoryLocation(repositoryLocationName: $l) {
                __typename ... on PythonError { message } } }""",
            l=location,
        )

    def ended(self, run_id: str, seconds: float = PATIENCE) -> str:
        """The status of a run once it is over."""

        def over() -> str | None:
            answer = self.ask(
                "query ($r: ID!) { runOrError(runId: $r) { __typename ... on Run { status } } }",
                r=run_id,
            )
            status = answer["runOrError"]["status"]
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

        return wait_for(over, seconds, f"the end of run {run_id}")

    def backfilled(self, backfill_id: str, seconds: float = 2 * PATIENCE) -> str:
        """The status of a backfill once it is over."""

        def over() -> str | None:
            answer = self.ask(
                """query ($b: String!) { partitionBackfillOrError(backfillId: $b) { __typename
                    ... on PartitionBackfill { status } } }""",
                b=backfill_id,
            )
            status = answer["partitionBackfillOrError"]["status"]
            return None if status in ("REQUESTED", "CANCELING", "FAILING") else status

        return wait_for(over, seconds, f"the end of backfill {backfill_id}")

    def events(self, run_id: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        """What a run logged of a kind."""
        with instance() as opened:
            entries = opened.all_logs(run_id, of_type=kind)
        return [entry.dagster_event for entry in entries if entry.dagster_event is not None]

    def why(self, run_id: str) -> list[str]:
        """What its failed steps say, and the run itself."""
        kinds = (dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE)
        return [
            str(event.event_specific_data) for kind in kinds for event in self.events(run_id, kind)
        ]

    def materialized(self, asset: str) -> set[str]:
        """The partitions of an asset that its page shows as materialized."""
        with instance() as opened:
            return opened.get_materialized_partitions(dg.AssetKey(asset.split("/")))


def _repository(location: str = "qbank") -> dict[str, str]:
    return {"repositoryName": "__repository__", "repositoryLocationName": location}


@contextmanager
def dagit(workspace: Path | None = None) -> Iterator[Dagit]:
    """Runs ``dagster-webserver`` on the database that the environment names."""
    settings = get_settings()
    workspace = workspace or project_file("workspace.yaml")
    port = free_port()
    command = [tool("dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    log = settings.home / "dagit.log"
    with process(command, dagster_environment(), log):
        wait_for_page(f"http://127.0.0.1:{port}/server_info", log, PATIENCE)
        yield Dagit(f"http://127.0.0.1:{port}")
