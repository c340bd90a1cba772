"""Jobs: what is run together. Who runs them and when is in ``schedules`` and ``sensors``.

Every job runs in one process: a proposal, its audit and its publication share the row's heartbeat,
and the libraries are imported once.
"""

from __future__ import annotations

import dagster as dg

from qbank_orchestration.assets.rollback import rollback_exposure

PARAMETERS = ("irt_calibration", "item_parameters")
EXPOSURE = ("sympson_hetter_calibration", "item_exposure_control")
REESTIMATION = ("sh_p_reestimation", "sh_p_reestimation_publication")
KIND = "qbank/kind"


def build(mart_inputs: dg.AssetsDefinition, mart_results: dg.AssetsDefinition) -> list[object]:
    """All jobs, given the two parts of the marts."""
    in_one_process = dg.in_process_executor
    return [
        dg.define_asset_job(
            "rebuild_marts",
            selection=dg.AssetSelection.assets(mart_inputs) | dg.AssetSelection.groups("raw"),
            description="Observes the raw tables and builds the marts that calibration reads.",
            executor_def=in_one_process,
            tags={KIND: "marts"},
        ),
        dg.define_asset_job(
            "refresh_results",
            selection=dg.AssetSelection.assets(mart_results),
            description="Builds the marts that read calibration's results.",
            executor_def=in_one_process,
            tags={KIND: "marts"},
        ),
        dg.define_asset_job(
            "nightly",
            selection=[*PARAMETERS, *EXPOSURE],
            description="An exam's night: parameters, then exposure control; each proposed,"
            " audited and published.",
            executor_def=in_one_process,
            tags={KIND: "calibration"},
        ),
        dg.define_asset_job(
            "calibrate_parameters",
            selection=[*PARAMETERS],
            description="Fits an exam's IRT model anew and publishes what passes.",
            executor_def=in_one_process,
            tags={KIND: "calibration"},
        ),
        dg.define_asset_job(
            "calibrate_exam",
            selection=[*EXPOSURE],
            description="A Sympson-Hetter calibration of an exam's live pool.",
            executor_def=in_one_process,
            tags={KIND: "calibration"},
        ),
        dg.define_asset_job(
            "reestimate_exam",
            selection=[*REESTIMATION],
            description="Re-estimates an exam's sh_p for a day from what was served before it.",
            executor_def=in_one_process,
            tags={KIND: "reestimation"},
        ),
        rollback_exposure,
    ]
