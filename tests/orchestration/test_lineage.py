"""What OpenLineage's receiver is told of a night's runs, over HTTP, as its own types have it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args, get_origin

import attr
import dagster as dg
import pytest
from openlineage.client import facet_v2
from openlineage.client.event_v2 import RunEvent, RunState

from qbank_orchestration.definitions import defs
from qbank_orchestration.lineage.datasets import COLUMNS, TABLE
from qbank_orchestration.metadata.marts import COLUMN_LINEAGE, ROW_COUNT
from qbank_orchestration.sensors.lineage import is_on, lineage_sensor
from qbank_orchestration.tags import KIND

FACETS = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "tags": facet_v2.tags_run.TagsRunFacet,  # the client says of which version it is
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "outputStatistics": (
        facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    ),
}


class Receiver:
    """Takes events as Marquez does."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer = 201


@pytest.fixture
def marquez(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/api/v1/lineage"
            if receiver.answer == 201:
                receiver.events.append(json.loads(body))
            self.send_response(receiver.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def instance(tmp_path: Path, settings: object) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


COLUMN = dg.TableColumn("n_responses", "bigint", "how many there are")
LINEAGE = dg.TableColumnLineage(
    {"n_responses": [dg.TableColumnDep(dg.AssetKey(["raw", "responses"]), "id")]}
)


@dg.asset(
    deps=[dg.AssetKey(["raw", "responses"])],
    metadata={TABLE: "of_the_manifest.analytics.counts", COLUMNS: dg.TableSchema([COLUMN])},
)
def counts() -> dg.MaterializeResult:
    """A mart."""
    return dg.MaterializeResult(metadata={ROW_COUNT: 12, COLUMN_LINEAGE: LINEAGE})


@dg.asset(deps=[counts])
def proposal() -> None:
    """What is no table."""


@dg.asset
def broken() -> None:
    """Fails."""
    raise ValueError("no marts")


RAW = dg.AssetSpec(["raw", "responses"])
ASSETS: list[Any] = [RAW, counts, proposal, broken]


def _run(instance: dg.DagsterInstance, *assets: Any) -> str:
    return dg.materialize(
        [RAW, *assets], instance=instance, raise_on_error=False, tags={KIND: "marts"}
    ).run_id


def _look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[str, str | None]:
    found = dg.Definitions(assets=ASSETS).get_repository_def()
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=found)
    said = lineage_sensor(context)
    assert isinstance(said, dg.SkipReason)
    return str(said.skip_message), context.cursor


def _read(kind: Any, value: Any) -> Any:
    """A value as the client's own types have it: a field that one lacks is refused."""
    options = [found for found in get_args(kind) if found is not type(None)]
    if get_origin(kind) is dict:
        return {name: _read(options[1], found) for name, found in value.items()}
    if get_origin(kind) is list:
        return [_read(options[0], found) for found in value]
    if options:
        return _read(options[0], value)
    if not attr.has(kind):
        return value
    attr.resolve_types(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    given = {}
    for name, found in value.items():
        if name in ("_producer", "_schemaURL", "schemaURL"):
            assert found.startswith(("urn:qbank", "https://openlineage.io/spec/"))
            continue
        assert name in fields, f"{kind.__name__} has no {name}"
        if name in ("facets", "outputFacets", "inputFacets"):
            given[name] = {key: _read(FACETS[key], facet) for key, facet in found.items()}
        elif name == "eventType":
            given[name] = RunState(found)
        else:
            given[name] = _read(fields[name].type, found)
    return kind(**given)


def _events(marquez: Receiver) -> list[RunEvent]:
    return [_read(RunEvent, event) for event in marquez.events]


def test_a_run_and_each_asset_that_it_made_are_told_once(instance, marquez, settings):
    _, cursor = _look(instance, None)
    run_id = _run(instance, counts, proposal)
    said, cursor = _look(instance, cursor)
    assert said == "1 runs told"
    assert _look(instance, cursor)[0] == "0 runs told"
    events = _events(marquez)
    assert [(event.eventType.name, event.job.name) for event in events] == [
        ("START", "assets"),
        ("START", "assets.counts"),
        ("COMPLETE", "assets.counts"),
        ("START", "assets.proposal"),
        ("COMPLETE", "assets.proposal"),
        ("COMPLETE", "assets"),
    ]
    assert {event.job.namespace for event in events} == {"qbank"}
    assert events[0].run.runId == events[-1].run.runId == run_id
    made, named = events[2], events[4]
    assert made.run.facets["parent"].run.runId == run_id
    assert len({event.run.runId for event in events}) == 3

    server = made.outputs[0].namespace
    assert server.startswith("postgres://127.0.0.1:")
    assert [(d.namespace, d.name) for d in made.inputs] == [
        (server, f"{settings.database}.public.responses")
    ]
    (out,) = made.outputs
    assert out.name == f"{settings.database}.analytics.counts"
    assert out.outputFacets["outputStatistics"].rowCount == 12
    assert out.facets["schema"].fields[0].description == "how many there are"
    (source,) = out.facets["columnLineage"].fields["n_responses"].inputFields
    assert (source.name, source.field) == (f"{settings.database}.public.responses", "id")
    # what is made of it names it as it was named
    assert [(d.namespace, d.name) for d in named.inputs] == [(out.namespace, out.name)]
    assert [(d.namespace, d.name) for d in named.outputs] == [("qbank", "proposal")]


def test_a_run_that_failed_says_why(instance, marquez):
    _, cursor = _look(instance, None)
    _run(instance, broken)
    _look(instance, cursor)
    last = _events(marquez)[-1]
    assert last.eventType == RunState.FAIL
    assert "no marts" in last.run.facets["errorMessage"].message


@pytest.mark.parametrize("how", ["refuses", "away"])
def test_a_receiver_that_takes_nothing_fails_no_run_and_is_told_later(
    instance, marquez, how, monkeypatch
):
    _, cursor = _look(instance, None)
    with monkeypatch.context() as down:
        if how == "away":
            down.delenv("OPENLINEAGE_URL")
            away = {"type": "http", "url": "http://127.0.0.1:9", "retry": {"total": 0}}
            down.setenv("OPENLINEAGE__TRANSPORT", json.dumps(away))
        marquez.answer = 400
        run_id = _run(instance, counts)
        said, cursor = _look(instance, cursor)
        assert said.startswith("0 runs told, then: ")
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.SUCCESS
    marquez.answer = 201
    assert _look(instance, cursor)[0] == "1 runs told"
    assert _events(marquez)[-1].run.runId == run_id


def test_runs_of_others_are_not_told(instance, marquez):
    _, cursor = _look(instance, None)
    dg.materialize([counts, RAW], instance=instance)
    said, cursor = _look(instance, cursor)
    assert said == "0 runs told"
    assert marquez.events == []


def test_it_is_off_until_the_variables_of_its_client_name_a_receiver():
    names = {sensor.name for sensor in defs.get_repository_def().sensor_defs}
    assert lineage_sensor.name not in names
    assert not is_on({"OPENLINEAGE_NAMESPACE": "exams", "OPENLINEAGE_URL": ""})
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"):
        assert is_on({name: "x"})


def test_tables_of_the_real_graph_have_names_of_the_database(settings):
    from qbank_orchestration.lineage.datasets import Naming

    naming = Naming.of("qbank", defs.get_repository_def().asset_graph)
    assert (
        naming.name(dg.AssetKey(["raw", "responses"]))[1] == f"{settings.database}.public.responses"
    )
    tables = {
        key.path[-1]: naming.name(key)
        for key in defs.get_repository_def().asset_graph.get_all_asset_keys()
        if naming.name(key)[0] == naming.server and key.path[0] != "raw"
    }
    assert tables["fact_responses"][1] == f"{settings.database}.analytics.fact_responses"
    assert len(tables) > 30
