with source as (
    select * from {{ source('qbank', 'item_fit') }}
),

renamed as (
    select
        exam_code,
        tenant_id,
        question_id,
        version,
        n,
        infit,
        outfit,
        rmsd,
        is_poor,
        shape_p,
        shape_q,
        s_x2,
        s_x2_df,
        s_x2_p,
        dependent_question_id,
        dependent_version,
        q3,
        change_q,
        is_compromised,
        compromised_since,
        n_since,
        shift_since,
        slowness_since
    from source
)

select * from renamed
