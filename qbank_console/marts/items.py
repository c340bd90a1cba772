"""Items of an exam: their health, and all that is known of one. What never lives here: topics."""

from __future__ import annotations

import pandas as pd

from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def item_health(tenant: str, exam: str) -> pd.DataFrame:
    """One row per item version that is live, was served or was answered in the exam."""
    return read(
        """
        SELECT h.question_id, h.version, i.external_ref, i.topic_path, i.stem_start,
               h.difficulty_label, h.is_live, h.attempts, h.p_value, h.r_point_biserial,
               h.median_time_ms / 1000.0 AS median_time_s, h.p90_time_ms / 1000.0 AS p90_time_s,
               h.exposure_rate_28d, h.exposure_rate_28d_lower, h.exposure_rate_28d_upper,
               h.exposure_rate, h.exposure_rate_lower, h.exposure_rate_upper,
               h.served, h.served_28d, h.tau, h.sh_p, h.is_pinned, h.a, h.b, h.c,
               h.is_low_discrimination, h.is_too_easy, h.is_too_hard, h.is_over_exposed,
               h.is_unused, h.is_drifted, h.has_dead_distractor, h.has_suspect_key, h.flag_count,
               h.severity, h.what_to_do
        FROM analytics.item_health AS h
        JOIN analytics.dim_items AS i USING (question_id, version)
        WHERE h.tenant_id = %(tenant)s AND h.exam_code = %(exam)s
        -- "act today" comes before "look this week" and "note" in the alphabet as well
        ORDER BY h.severity NULLS LAST, h.flag_count DESC, h.attempts DESC, h.question_id, h.version
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def one_item(tenant: str, exam: str, question: int, version: int) -> pd.DataFrame:
    """Everything on one item version in one exam: one row, or none."""
    return read(
        """
        SELECT h.*, i.external_ref, i.topic_path, i.stem_start, i.state, i.bloom_level,
               i.correct_option, i.option_count, i.created_by
        FROM analytics.item_health AS h
        JOIN analytics.dim_items AS i USING (tenant_id, question_id, version)
        WHERE h.tenant_id = %(tenant)s AND h.exam_code = %(exam)s
          AND h.question_id = %(question)s AND h.version = %(version)s
        """,
        tenant=tenant,
        exam=exam,
        question=question,
        version=version,
    )


@remembered
def answers_by_ability(tenant: str, exam: str, question: int, version: int) -> pd.DataFrame:
    """First answers to an item, counted by option and by half a logit of ability.

    The ability is the estimate at the end of the quiz in which the answer was given.
    """
    return read(
        """
        SELECT floor(s.theta * 2) / 2 AS theta_from, r.option_label, r.is_correct,
               count(*) AS answers, sum(s.theta) AS theta_sum
        FROM analytics.fact_responses AS r
        JOIN analytics.fact_sessions AS s USING (quiz_id)
        WHERE r.tenant_id = %(tenant)s AND r.exam_code = %(exam)s
          AND r.question_id = %(question)s AND r.version = %(version)s
          AND r.is_first_attempt AND s.theta_se IS NOT NULL
        GROUP BY 1, 2, 3
        ORDER BY 1, 2
        """,
        tenant=tenant,
        exam=exam,
        question=question,
        version=version,
    )


@remembered
def exposure_by_day(tenant: str, exam: str, question: int, version: int) -> pd.DataFrame:
    """One row per day on which quizzes of the exam ended: how many had the item, at what sh_p.

    A day on which the item was neither served nor held back counts with 0 served.
    """
    return read(
        """
        WITH in_force AS (
            SELECT r.session_started_on AS day, min(r.sh_p) AS sh_p_least, max(r.sh_p) AS sh_p_most
            FROM analytics.fact_responses AS r
            WHERE r.tenant_id = %(tenant)s AND r.exam_code = %(exam)s
              AND r.question_id = %(question)s AND r.version = %(version)s
            GROUP BY 1
        )
        SELECT d.day, d.sessions_served AS sessions, coalesce(e.served, 0) AS served,
               coalesce(e.held_back, 0) AS held_back, f.sh_p_least, f.sh_p_most
        FROM analytics.exam_daily_activity AS d
        LEFT JOIN analytics.exposure_daily_rates AS e
            ON e.exam_code = d.exam_code AND e.day = d.day
            AND e.question_id = %(question)s AND e.version = %(version)s
        LEFT JOIN in_force AS f ON f.day = d.day
        WHERE d.tenant_id = %(tenant)s AND d.exam_code = %(exam)s AND d.sessions_served > 0
        ORDER BY d.day
        """,
        tenant=tenant,
        exam=exam,
        question=question,
        version=version,
    )
