"""A real Dagit, and what a person does in it, by its GraphQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from qbank.serving import dagster_environment
from qbank.settings import get_settings
from tests.e2e.processes import free_port, process, tool, wait_for

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""


@dataclass(frozen=True)
class Dagit:
    """A Dagit that runs.

    Attributes:
        address: its root, without a slash at the end.
    """

    address: str

    def launch(self, job: str) -> str:
        """Launches a job; the id of its run.

        Raises:
            AssertionError: Dagit answers with an error.
        """
        selector = {
            "repositoryLocationName": "qbank",
            "repositoryName": "__repository__",
            "jobName": job,
        }
        answer = self.ask(_LAUNCH, {"params": {"selector": selector, "runConfigData": {}}})
        launched = answer["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of an answer.

        Raises:
            AssertionError: the answer has errors.
        """
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.address}/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])


@contextmanager
def dagit() -> Iterator[Dagit]:
    """Runs ``dagster-webserver`` on the database that the environment names."""
    settings = get_settings()
    port = free_port()
    command = [tool("dagster-webserver"), "-h", "127.0.0.1", "-p", str(port)]
    command += ["-w", str(settings.project_dir / "workspace.yaml")]
    log = settings.home / "dagit.log"
    with process(command, dagster_environment(), log):
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/server_info", log, 180)
        yield Dagit(address)
