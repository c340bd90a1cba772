{{
    config(
        materialized='table',
        indexes=[
            {
                'columns': ['exam_code', 'question_id', 'version', 'attribute', 'focal'],
                'unique': true,
            },
        ],
    )
}}

select
    found.tenant_id,
    found.exam_code,
    found.question_id,
    found.version,
    found.attribute,
    found.focal,
    found.reference,
    found.n_focal,
    found.n_reference,
    found.delta,
    found.delta - {{ z_95() }} * found.se_delta as delta_lower,
    found.delta + {{ z_95() }} * found.se_delta as delta_upper,
    found.ets_class,
    case when found.delta < 0 then found.reference else found.focal end as favoured,
    found.uniform_p,
    found.nonuniform_p,
    found.q_value,
    found.power,
    examinations.examined_at
from {{ ref('stg_item_fairness') }} as found
inner join {{ ref('stg_item_examinations') }} as examinations
    on found.exam_code = examinations.exam_code
