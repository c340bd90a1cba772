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
        q3
    from source
)

select * from renamed
