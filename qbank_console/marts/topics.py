"""Topics: how well they are mastered, by all and by one student. What never lives here: items."""

from __future__ import annotations

import pandas as pd

from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def mastery_by_topic(tenant: str, exam: str) -> pd.DataFrame:
    """One row per topic: students, answers, and the spread of mastery among the students."""
    return read(
        """
        SELECT t.topic_id, t.parent_topic_id, t.topic_name, t.topic_path, t.depth,
               count(*) AS students, sum(m.attempts) AS attempts,
               sum(m.correct)::double precision / sum(m.attempts) AS accuracy,
               percentile_cont(0.25) WITHIN GROUP (ORDER BY m.mastery) AS mastery_p25,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY m.mastery) AS mastery_median,
               percentile_cont(0.75) WITHIN GROUP (ORDER BY m.mastery) AS mastery_p75,
               avg(m.mean_time_ms) / 1000.0 AS mean_time_s, max(m.last_seen_at) AS last_seen_at
        FROM analytics.topic_mastery AS m
        JOIN analytics.dim_topics AS t USING (topic_id)
        WHERE m.tenant_id = %(tenant)s AND m.exam_code = %(exam)s
        GROUP BY t.topic_id, t.parent_topic_id, t.topic_name, t.topic_path, t.depth
        ORDER BY t.topic_path
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def mastery_of_student(tenant: str, exam: str, user: str) -> pd.DataFrame:
    """One row per topic that the student has met."""
    return read(
        """
        SELECT t.topic_id, t.topic_name, t.topic_path, t.depth, m.attempts, m.correct, m.accuracy,
               m.mastery, m.mastery_lower, m.mastery_upper, m.mean_time_ms / 1000.0 AS mean_time_s,
               m.last_seen_at
        FROM analytics.topic_mastery AS m
        JOIN analytics.dim_topics AS t USING (topic_id)
        WHERE m.tenant_id = %(tenant)s AND m.exam_code = %(exam)s AND m.user_id = %(user)s
        ORDER BY t.topic_path
        """,
        tenant=tenant,
        exam=exam,
        user=user,
    )


@remembered
def students(tenant: str, exam: str, containing: str, limit: int) -> pd.DataFrame:
    """Students of the exam whose id contains a text, with their ability; the latest first."""
    return read(
        """
        SELECT user_id, theta, theta_lower, theta_upper, responses, sessions_scored, estimated_at
        FROM analytics.user_ability
        WHERE tenant_id = %(tenant)s AND exam_code = %(exam)s
          AND strpos(lower(user_id), lower(%(containing)s)) > 0
        ORDER BY estimated_at DESC, user_id
        LIMIT %(limit)s
        """,
        tenant=tenant,
        exam=exam,
        containing=containing,
        limit=limit,
    )
