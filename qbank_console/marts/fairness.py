"""Fairness and fit of an exam's items. What never lives here: how they are found."""

from __future__ import annotations

import pandas as pd

from qbank_console.marts.reading import read
from qbank_console.marts.remembering import remembered


@remembered
def examination(tenant: str, exam: str) -> pd.DataFrame:
    """What was examined last: one row, or none."""
    return read(
        """
        SELECT e.responses, e.persons, e.attributes, e.attributes_compared, e.persons_judged,
               e.persons_misfit, e.misfit_share, e.examined_at
        FROM analytics.item_examinations AS e
        WHERE e.tenant_id = %(tenant)s AND e.exam_code = %(exam)s
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def fairness(tenant: str, exam: str) -> pd.DataFrame:
    """One row per item, attribute and focal group, the largest class first."""
    return read(
        """
        SELECT f.question_id, f.version, i.external_ref, i.topic_path, f.attribute, f.focal,
               f.reference, f.n_focal, f.n_reference, f.delta, f.delta_lower, f.delta_upper,
               f.ets_class, f.favoured, f.uniform_p, f.nonuniform_p, f.q_value, f.power
        FROM analytics.item_fairness AS f
        JOIN analytics.dim_items AS i USING (tenant_id, question_id, version)
        WHERE f.tenant_id = %(tenant)s AND f.exam_code = %(exam)s
        ORDER BY f.ets_class DESC, f.q_value, f.question_id, f.version, f.attribute, f.focal
        """,
        tenant=tenant,
        exam=exam,
    )


@remembered
def fit(tenant: str, exam: str) -> pd.DataFrame:
    """One row per item, the worst first."""
    return read(
        """
        SELECT f.question_id, f.version, i.external_ref, i.topic_path, f.n, f.rmsd, f.is_poor,
               f.is_compromised, f.compromised_since, f.n_since,
               f.shape_q, f.infit, f.outfit, f.s_x2_p, f.q3,
               coalesce(d.external_ref, 'question ' || d.question_id)
               || ' v' || d.version AS goes_with
        FROM analytics.item_fit AS f
        JOIN analytics.dim_items AS i USING (tenant_id, question_id, version)
        LEFT JOIN analytics.dim_items AS d ON d.tenant_id = f.tenant_id
            AND d.question_id = f.dependent_question_id AND d.version = f.dependent_version
        WHERE f.tenant_id = %(tenant)s AND f.exam_code = %(exam)s
        ORDER BY f.is_compromised DESC, f.is_poor DESC, f.rmsd DESC, f.question_id, f.version
        """,
        tenant=tenant,
        exam=exam,
    )
