"""A request becomes a published run on the instance file that the Helm chart makes.

All is as there, but for the launcher: pods need a cluster, so the daemon starts processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from qbank.postgres import dagster_database, libpq_environment
from tests.deploy.chart import instance_file, our_values
from tests.orchestration.conftest import Exams, copied
from tests.orchestration.daemon import daemon
from tests.orchestration.requests import ended, request

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def home(template: tuple[str, Exams], tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Dagster home with the chart's file, for the server of the test; the variables it needs."""
    with copied(template):
        server = libpq_environment("orchestration")
        values = our_values()
        # what an operator sets for their server
        values["postgresql"] |= {
            "postgresqlHost": server["PGHOST"],
            "postgresqlUsername": server["PGUSER"],
            "postgresqlDatabase": dagster_database(),
            "service": {"port": int(server["PGPORT"])},
        }
        made = instance_file(values)
        made["run_launcher"] = {
            "module": "dagster",
            "class": "DefaultRunLauncher",
            "config": {},
        }
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made))
        yield {"DAGSTER_HOME": str(tmp_path), "DAGSTER_PG_PASSWORD": server["PGPASSWORD"]}


def test_a_request_is_run_and_published(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    with daemon(home):
        run = ended(request(kind="irt"))
    assert run.status == "done", run.error
    with dg.DagsterInstance.from_config(home["DAGSTER_HOME"]) as instance:
        (done,) = instance.get_runs(dg.RunsFilter(tags={"qbank/row": str(run.id)}))
        assert done.status == dg.DagsterRunStatus.SUCCESS
        # the pool was made by the file, at the limit that it gives
        (pool,) = instance.event_log_storage.get_pool_limits()
        assert (pool.name, pool.limit, pool.from_default) == ("calibration", 1, True)
