with source as (
    select * from {{ source('qbank', 'user_responses') }}
),

renamed as (
    select
        id as response_id,
        quiz_id,
        user_id,
        question_id,
        version,
        cast(option_label as text) as option_label,
        is_correct,
        is_void,
        time_taken_ms,
        created_at as answered_at,
        recorded_at
    from source
)

select * from renamed
