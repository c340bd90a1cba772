"""The code location. Importing it connects to nothing."""

from __future__ import annotations

from qbank_orchestration.starting import imports

with imports():
    import dagster as dg

    from qbank.programs import program
    from qbank_orchestration import (
        data_requests,
        dbt,
        dbt_program,
        housekeeping,
        jobs,
        reports,
        schedules,
        small_exams,
    )
    from qbank_orchestration.assets import (
        consumers,
        examination,
        exposure,
        marts,
        parameters,
        raw,
        reestimation,
        report,
    )
    from qbank_orchestration.checks import expectations
    from qbank_orchestration.resources import CalibrationRows, Database, Presence
    from qbank_orchestration.sensors import (
        alerts,
        daily,
        lineage,
        night,
        partitions,
        recovery,
        requests,
    )
    from qbank_orchestration.sensors import data_requests as data_request_sensors


def build_defs() -> dg.Definitions:
    """Assembles fresh definitions.

    Raises:
        QbankError: the dbt manifest is missing and may not be built here.
    """
    dbt.manifest()
    project = dbt.project()
    mart_inputs, mart_results = marts.build(project)
    database = Database()
    return dg.Definitions(
        assets=[
            raw.raw_tables,
            mart_inputs,
            mart_results,
            parameters.irt_calibration,
            parameters.item_parameters,
            exposure.sympson_hetter_calibration,
            exposure.item_exposure_control,
            reestimation.sh_p_reestimation,
            reestimation.sh_p_reestimation_publication,
            examination.item_examination,
            report.technical_report,
            *consumers.build(project.manifest_path),
        ],
        asset_checks=[
            expectations.profile_expectations,
            *daily.CHECKS,
        ],
        # what asset pages launch runs as the jobs do: the libraries are imported once
        executor=dg.in_process_executor,
        jobs=[
            *jobs.JOBS,
            small_exams.job,
            reports.write_reports,
            data_requests.carry_out_data_request,
            housekeeping.retention,
        ],
        schedules=[
            schedules.nightly_schedule,
            schedules.weekly_full_schedule,
            reports.weekly_report_schedule,
            housekeeping.retention_schedule,
        ],
        sensors=[
            partitions.exam_partitions_sensor,
            requests.calibration_request_sensor,
            data_request_sensors.data_request_sensor,
            night.night_sensor,
            recovery.recovery_sensor,
            recovery.failed_runs,
            recovery.canceled_runs,
            alerts.alert_sensor,
            daily.daily_checks,
            *lineage.SENSORS,
        ],
        resources={
            "database": database,
            "presence": Presence(),
            "rows": CalibrationRows(database=database),
            "dbt": dbt.Dbt(
                project_dir=project,  # type: ignore[arg-type]  # mypy makes up an __init__ by fields
                dbt_executable=program(dbt_program.NAME),
            ),
        },
    )


with imports():
    defs = build_defs()
