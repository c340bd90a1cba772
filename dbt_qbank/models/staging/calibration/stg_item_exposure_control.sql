with source as (
    select * from {{ source('qbank', 'item_exposure_control') }}
),

renamed as (
    select
        exam_code,
        question_id,
        version,
        sh_p,
        pinned as is_pinned,
        updated_at,
        run_id
    from source
)

select * from renamed
