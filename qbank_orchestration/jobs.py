"""Jobs: what is run together. Who runs them and when is in ``schedules`` and ``sensors``.

Every job runs in one process: a proposal, its audit and its publication share the row's heartbeat,
and the libraries are imported once.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from qbank_orchestration.assets.marts import INPUT, RESULTS
from qbank_orchestration.assets.rollback import rollback_exposure
from qbank_orchestration.checks import expectations
from qbank_orchestration.pods import job_tags
from qbank_orchestration.settings import JobKind

PARAMETERS = ("irt_calibration", "item_parameters")
EXPOSURE = ("sympson_hetter_calibration", "item_exposure_control")
EXAMINATION = ("item_fairness", "item_fit")
REESTIMATION = ("sh_p_reestimation", "sh_p_reestimation_publication")


def _job(name: str, selection: Any, kind: JobKind, description: str) -> Any:
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        executor_def=dg.in_process_executor,
        tags=job_tags(kind),
    )


rebuild_marts = _job(
    "rebuild_marts",
    # groups() leaves out what is observed and never made, unless it is asked for
    dg.AssetSelection.tag(INPUT, "") - expectations.SELECTION
    | dg.AssetSelection.groups("raw", include_sources=True),
    "marts",
    "Observes the raw tables and builds the marts that calibration reads.",
)
refresh_results = _job(
    "refresh_results",
    dg.AssetSelection.tag(RESULTS, "") | expectations.SELECTION,
    "marts",
    "Builds the marts that read calibration's results, and judges all exams' profiles.",
)
nightly = _job(
    "nightly",
    [*PARAMETERS, *EXPOSURE, *EXAMINATION],
    "calibration",
    "An exam's night: parameters, exposure control; each proposed, audited, published; then"
    " fairness and fit.",
)
calibrate_parameters = _job(
    "calibrate_parameters",
    [*PARAMETERS],
    "calibration",
    "Fits an exam's IRT model anew and publishes what passes.",
)
calibrate_exam = _job(
    "calibrate_exam",
    [*EXPOSURE],
    "calibration",
    "A Sympson-Hetter calibration of an exam's live pool.",
)
examine_exam = _job(
    "examine_exam",
    [*EXAMINATION],
    "examination",
    "Examines fairness and fit of an exam's items under the parameters in force.",
)
reestimate_exam = _job(
    "reestimate_exam",
    [*REESTIMATION],
    "reestimation",
    "Re-estimates an exam's sh_p for a day from what was served before it.",
)

__all__ = [
    "EXAMINATION",
    "EXPOSURE",
    "JOBS",
    "PARAMETERS",
    "REESTIMATION",
    "calibrate_exam",
    "calibrate_parameters",
    "examine_exam",
    "nightly",
    "rebuild_marts",
    "reestimate_exam",
    "refresh_results",
    "rollback_exposure",
]

JOBS = [
    rebuild_marts,
    refresh_results,
    nightly,
    calibrate_parameters,
    calibrate_exam,
    examine_exam,
    reestimate_exam,
    rollback_exposure,
]
