"""Exposure of an exam's pool. What never lives here: single items (``items``)."""

from __future__ import annotations

import pandas as pd

from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def highest_by_day(tenant: str, exam: str) -> pd.DataFrame:
    """One row per day: the highest exposure rate of any item, and how many quizzes ended."""
    return read(
        """
        SELECT day, max(exposure_rate) AS share, max(sessions) AS sessions,
               count(*) FILTER (WHERE served > 0) AS items_served
        FROM analytics.exposure_daily_rates
        WHERE tenant_id = %(tenant)s AND exam_code = %(exam)s
        GROUP BY day
        ORDER BY day
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def cohorts(tenant: str, exam: str) -> pd.DataFrame:
    """One row per cohort of the exam's students: exposure, overlap, precision, accuracy, time."""
    return read(
        """
        SELECT cohort_key, cohort_value, sessions, sessions_finished, mean_test_length,
               items_served, max_exposure, max_exposure_lower, max_exposure_upper,
               overlap, overlap_lower, overlap_upper,
               mean_theta_se, mean_theta_se_lower, mean_theta_se_upper, mean_theta_se_sessions,
               mean_accuracy, mean_accuracy_lower, mean_accuracy_upper, mean_accuracy_sessions,
               mean_time_ms / 1000.0 AS mean_time_s,
               mean_time_ms_lower / 1000.0 AS mean_time_s_lower,
               mean_time_ms_upper / 1000.0 AS mean_time_s_upper,
               mean_time_ms_sessions AS mean_time_s_sessions, first_day, last_day
        FROM analytics.selector_experiment
        WHERE tenant_id = %(tenant)s AND exam_code = %(exam)s
        ORDER BY cohort_key, cohort_value
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def runs(tenant: str, exam: str) -> pd.DataFrame:
    """One row per calibration run of the exam, the latest first."""
    return read(
        """
        SELECT run_id, kind, status, requested_by, requested_at, run_seconds, tau, iterations,
               max_exposure_first, max_exposure_last, overlap_first, overlap_last, rmse_first,
               rmse_last, is_converged, stopped_reason, sh_p_changed, parameters_in_force
        FROM analytics.calibration_run_summary
        WHERE tenant_id = %(tenant)s AND exam_code = %(exam)s
        ORDER BY requested_at DESC
        LIMIT 200
        """,
        tenant=tenant,
        exam=exam,
    )
