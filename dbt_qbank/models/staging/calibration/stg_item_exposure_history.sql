with source as (
    select * from {{ source('qbank', 'item_exposure_history') }}
),

renamed as (
    select
        id as change_id,
        exam_code,
        question_id,
        version,
        before as sh_p_before,
        after as sh_p_after,
        source,
        run_id,
        at as changed_at
    from source
)

select * from renamed
