"""What an exam should be made of, and what it is made of. What never lives here: mastery."""

from __future__ import annotations

import pandas as pd

from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def coverage(tenant: str, exam: str) -> pd.DataFrame:
    """One row per topic and difficulty; the difficulty "all" sums a topic up."""
    return read(
        """
        SELECT t.topic_id, t.topic_name, t.topic_path, t.depth, c.difficulty, c.is_in_blueprint,
               c.published_items, c.required_items, c.items_to_write, c.min_items,
               c.target_weight, c.published_share, c.share_gap, c.administered,
               c.administered_share, c.administered_share_28d
        FROM analytics.blueprint_coverage AS c
        JOIN analytics.dim_topics AS t USING (topic_id)
        WHERE c.tenant_id = %(tenant)s AND c.exam_code = %(exam)s
        ORDER BY t.topic_path, c.difficulty
        """,
        tenant=tenant,
        exam=exam,
    )
