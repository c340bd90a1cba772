with source as (
    select * from {{ source('qbank', 'item_fairness') }}
),

renamed as (
    select
        exam_code,
        tenant_id,
        question_id,
        version,
        attribute,
        focal,
        reference,
        n_focal,
        n_reference,
        delta,
        se_delta,
        uniform_p,
        nonuniform_p,
        q_value,
        power,
        ets_class
    from source
)

select * from renamed
