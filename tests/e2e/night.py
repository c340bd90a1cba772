"""What a night leaves behind, in less time: marts, item parameters, marts that read them.

The same dbt models and the same estimation as the night's, without its checks and its exposure
control, which the journeys here ask for themselves. What never lives here: made-up results.
"""

from __future__ import annotations

from pathlib import Path

from qbank.postgres import connect, libpq_environment
from qbank.requests import IrtFit
from qbank.stores import item_bank, item_examinations, item_parameters, responses
from qbank_orchestration.engine.examination import examine
from qbank_orchestration.engine.parameters import estimate
from tests.e2e.processes import run, tool


def pass_night(work: Path) -> None:
    """Builds marts and parameters of all exams in the database of the environment."""
    build(work, "--select", "tag:nightly_input")
    with connect("orchestration") as connection:
        for exam in item_bank.exams(connection):
            attempts = responses.first_attempts(connection, exam.exam_code)
            times = responses.median_times(connection, exam.exam_code)
            request = IrtFit.resolve(exam, {})
            people = item_examinations.people(connection, exam, attempts.persons)
            found = estimate(exam, request, attempts, (), (), times, {}, people, lambda _: True)
            item_parameters.publish(
                connection, exam.exam_code, found.model, found.parameters, run_id=None
            )
            examined = examine(exam, attempts, found.parameters, people.attributes)
            item_examinations.publish(
                connection, exam.exam_code, examined, people_version=people.version
            )
    build(work, "--exclude", "tag:nightly_input")


def build(work: Path, *selection: str) -> None:
    command = [tool("dbt"), "run", "--quiet", *selection]
    command += ["--project-dir", "dbt_qbank", "--profiles-dir", "dbt_qbank"]
    command += ["--target-path", str(work), "--log-path", str(work)]
    run(command, libpq_environment("orchestration"), timeout=280)
