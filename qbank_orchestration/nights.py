"""The runs of a night: what each exam's plan asks Dagster for, whoever starts it.

What never lives here: what is due (``engine.night``), and when a night begins (``schedules``).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.instance.config import PoolGranularity

from qbank import postgres
from qbank.errors import QbankError
from qbank.programs import program
from qbank.project_files import project_file
from qbank.settings import get_settings
from qbank.stores import turns
from qbank_orchestration.engine.backfill import partition_key
from qbank_orchestration.engine.night import Due
from qbank_orchestration.jobs import EXAMINATION, EXPOSURE, PARAMETERS
from qbank_orchestration.tags import EXAM, EXAMS, NIGHT, NIGHT_RUN, WEEKLY, WHY

SMALL_EXAMS = "small_exams"
"""The job of many exams with few answers."""
SMALL = 50_000
"""Responses up to which an exam's night is shorter than the start of a process for it."""
FEW = 4
"""Small exams for which a process each is no matter."""
TOGETHER = 25
"""Small exams of one process at most: a person's request waits a minute for it, not for all."""

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def begin(day: date, exam_codes: Iterable[str] | None, *, weekly: bool) -> dict[str, str]:
    """The tags of the run of the marts that begins a night, all of it or some exams'."""
    tags = {NIGHT: day.isoformat()}
    if weekly:
        tags[WEEKLY] = "true"
    if exam_codes is not None:
        tags[EXAMS] = ",".join(sorted(exam_codes))  # a code holds no comma
    return tags


def exams_of(tags: Mapping[str, str]) -> list[str] | None:
    """The only exams of a night; None where it is every exam's."""
    return tags[EXAMS].split(",") if EXAMS in tags else None


@contextmanager
def alone(on_wait: Callable[[], object]) -> Iterator[None]:
    """Lets one command at a time begin a night on this database; ends with its process.

    Args:
        on_wait: called once where another command is at it.
    """
    # closed, not committed: a server that was away meanwhile is no reason to fail what was done
    with closing(postgres.connect("orchestration")) as conn:
        # the transaction's lock, so that it holds behind a transaction pooler too
        if not turns.take(conn, "night", wait=False):
            on_wait()
            turns.take(conn, "night", wait=True)
        yield


def under_way(
    instance: dg.DagsterInstance, exam_codes: Iterable[str] | None = None, *, weekly: bool = False
) -> dg.DagsterRun | None:
    """The run that builds the marts of such a night now, or waits to; None where there is none."""
    wanted = begin(date.min, exam_codes, weekly=weekly)
    return next(
        (
            run
            for run in instance.get_runs(
                dg.RunsFilter(job_name="rebuild_marts", statuses=UNDER_WAY)
            )
            if NIGHT in run.tags and all(run.tags.get(k) == wanted.get(k) for k in (EXAMS, WEEKLY))
        ),
        None,
    )


def launch(run_id: str, tags: Mapping[str, str]) -> None:
    """Puts a run of the marts into the daemon's queue, which Ctrl-C does not stop half-way.

    Raises:
        QbankError: Dagster did not take it.
    """
    command: list[Any] = [program("dagster"), "job", "launch"]
    command += ["-w", project_file("workspace.yaml"), "-j", "rebuild_marts"]
    command += ["--run-id", run_id, "--tags", json.dumps(dict(tags))]
    launching = subprocess.Popen(  # noqa: S603
        command,
        cwd=get_settings().project_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = launching.communicate()
    except KeyboardInterrupt:
        launching.communicate()
        raise
    if launching.returncode != 0:
        raise QbankError(f"Dagster did not take the night:\n{said}")


def runs_of(plan: Iterable[Due], tags: Mapping[str, str], night_run: str) -> list[dg.RunRequest]:
    """The runs that a plan asks for, each exam's calibration before its re-estimation.

    Args:
        plan: what is due, exam by exam.
        tags: of the run of the marts.
        night_run: its id.
    """
    requests: list[dg.RunRequest] = []
    for due in plan:
        own = {NIGHT: tags[NIGHT], NIGHT_RUN: night_run, EXAM: due.exam_code}
        if due.calibration:
            selected = [
                *(PARAMETERS if due.parameters else ()),
                *(EXPOSURE if due.exposure else ()),
                *(EXAMINATION if due.examination else ()),
            ]
            requests.append(
                dg.RunRequest(
                    run_key=f"{night_run}:{due.exam_code}",
                    job_name="nightly",
                    partition_key=due.exam_code,
                    asset_selection=[dg.AssetKey(name) for name in selected],
                    tags={**own, WHY: due.calibration},
                )
            )
        elif due.examination:
            requests.append(
                dg.RunRequest(
                    run_key=f"{night_run}:{due.exam_code}:examination",
                    job_name="examine_exam",
                    partition_key=due.exam_code,
                    tags={**own, WHY: due.examination},
                )
            )
        if due.reestimation:
            requests.append(
                dg.RunRequest(
                    run_key=f"{night_run}:{due.exam_code}:reestimation",
                    job_name="reestimate_exam",
                    partition_key=partition_key(due.exam_code, date.fromisoformat(tags[NIGHT])),
                    tags={**own, WHY: due.reestimation},
                )
            )
    return requests


def together(instance: dg.DagsterInstance) -> bool:
    """Whether runs may share a process here.

    Not where the launcher asks each run's own machine whether it lives, as on Kubernetes, and not
    where each step takes its place in a pool, for the process has that of the runs in it.
    """
    pools = instance.get_concurrency_config().pool_config
    return (
        pools.pool_granularity is PoolGranularity.RUN
        and not instance.run_launcher.supports_check_run_worker_health
    )


def gathered(
    plan: Iterable[Due], tags: Mapping[str, str], night_run: str
) -> tuple[list[dg.RunRequest], list[Due]]:
    """The runs of the small exams of a plan that share a process, and what has one of its own."""
    plan = [*plan]
    small = [due for due in plan if due.why and due.responses <= SMALL]
    if len(small) <= FEW:
        return [], plan
    codes = [due.exam_code for due in small]
    requests = []
    for first in range(0, len(codes), TOGETHER):
        some = codes[first : first + TOGETHER]
        own = {EXAMS: ",".join(some), WHY: f"{len(some)} small exams"}
        requests.append(
            dg.RunRequest(
                run_key=f"{night_run}:small:{some[0]}",
                job_name=SMALL_EXAMS,
                tags=tags_within(tags, night_run) | own,
            )
        )
    shared = {*codes}
    return requests, [due for due in plan if due.exam_code not in shared]


def tags_within(tags: Mapping[str, str], night_run: str) -> dict[str, str]:
    """The tags of a run that is part of a whole night, by those of the run of its marts."""
    kept = {name: tags[name] for name in (NIGHT, WEEKLY) if name in tags}
    return {**kept, NIGHT_RUN: night_run}
