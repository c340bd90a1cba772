"""Starts what was asked of the owner over the API, and starts it anew where its worker was lost."""

import dagster as dg

from qbank.stores import data_requests
from qbank.stores.data_requests import DataRequest
from qbank_orchestration.data_requests import carry_out_data_request
from qbank_orchestration.resources import Database
from qbank_orchestration.sensors.requests import NO_RETRY

REQUEST, ATTEMPT = "qbank/data_request", "qbank/attempt"


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    jobs=[carry_out_data_request],
    description="Starts a run for each request to the owner that the API took; none is done twice.",
)
def data_request_sensor(
    context: dg.SensorEvaluationContext, database: Database
) -> dg.SensorResult | dg.SkipReason:
    """One run request a queued row and attempt."""
    with database.connect() as conn:
        for asked in data_requests.opened(conn):
            if _is_lost(context.instance, asked):
                state = data_requests.give_back(conn, asked)
                context.log.warning("request %s lost its worker: it is %s", asked.id, state)
        waiting = [asked for asked in data_requests.opened(conn) if asked.state == "queued"]
    if not waiting:
        return dg.SkipReason("nothing was asked for")
    return dg.SensorResult(run_requests=[request_for(asked) for asked in waiting])


def request_for(asked: DataRequest) -> dg.RunRequest:
    """The run request of a queued row."""
    config = {"request_id": str(asked.id)}
    return dg.RunRequest(
        run_key=f"{asked.id}:{asked.attempts}",
        job_name=carry_out_data_request.name,
        run_config={"ops": {"data_request": {"config": config}}},
        tags={REQUEST: str(asked.id), ATTEMPT: str(asked.attempts), "dagster/priority": "1"}
        | NO_RETRY,
    )


def _is_lost(instance: dg.DagsterInstance, asked: DataRequest) -> bool:
    """Whether the run that is to do it is over, and it is not."""
    if asked.state == "running" and asked.orchestrator_run_id is not None:
        run = instance.get_run_by_id(asked.orchestrator_run_id)
        return run is None or run.is_finished
    where = dg.RunsFilter(tags={REQUEST: str(asked.id), ATTEMPT: str(asked.attempts)})
    begun = instance.get_runs(where, limit=1)
    return bool(begun) and begun[0].is_finished
