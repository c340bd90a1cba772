with source as (
    select * from {{ source('qbank', 'quiz_items') }}
),

renamed as (
    select
        quiz_id,
        question_id,
        version,
        position,
        served_at,
        selector,
        theta_before,
        sh_p,
        rejected as held_back_question_ids,
        forced as is_forced,
        is_pretest,
        created_at as recorded_at
    from source
)

select * from renamed
