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
        cast(
            coalesce(score / max_score, cast(is_correct as integer)) as double precision
        ) as score_share,
        is_void,
        time_taken_ms,
        created_at as answered_at,
        recorded_at
    from source
)

select * from renamed
