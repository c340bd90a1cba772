"""Exams and how busy they are. What never lives here: items, topics."""

from __future__ import annotations

import pandas as pd

from qbank.vocabulary import code_of
from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def exams(tenant: str) -> pd.DataFrame:
    """One row per exam of the tenant, the busiest first; ``code`` is what the tenant calls it."""
    known = read(
        """
        SELECT exam_code, title, irt_model, tau, test_length, published_items, sessions_ended,
               responses, first_day, last_day
        FROM analytics.dim_exams
        WHERE tenant_id = %(tenant)s
        ORDER BY responses DESC, exam_code
        """,
        tenant=tenant,
    )
    return known.assign(code=known["exam_code"].map(code_of))


@remembered
def daily_activity(tenant: str, exam: str) -> pd.DataFrame:
    """One row per day: sessions, users, responses, accuracy."""
    return read(
        """
        SELECT day, sessions_started, sessions_ended, active_users, responses, accuracy
        FROM analytics.exam_daily_activity
        WHERE tenant_id = %(tenant)s AND exam_code = %(exam)s
        ORDER BY day
        """,
        tenant=tenant,
        exam=exam,
    )
