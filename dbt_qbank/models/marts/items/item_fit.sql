{{
    config(
        materialized='table',
        indexes=[{'columns': ['exam_code', 'question_id', 'version'], 'unique': true}],
    )
}}

select
    found.tenant_id,
    found.exam_code,
    found.question_id,
    found.version,
    found.n,
    found.infit,
    found.outfit,
    found.rmsd,
    found.shape_p,
    found.shape_q,
    found.s_x2,
    found.s_x2_df,
    found.s_x2_p,
    found.dependent_question_id,
    found.dependent_version,
    found.q3,
    found.is_poor,
    found.change_q,
    found.is_compromised,
    found.compromised_since,
    found.n_since,
    found.shift_since,
    found.slowness_since,
    examinations.examined_at
from {{ ref('stg_item_fit') }} as found
inner join {{ ref('stg_item_examinations') }} as examinations
    on found.exam_code = examinations.exam_code
