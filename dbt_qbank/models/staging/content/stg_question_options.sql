with source as (
    select * from {{ source('qbank', 'question_options') }}
),

renamed as (
    select
        question_version_id,
        cast(option_label as text) as option_label,
        is_correct
    from source
)

select * from renamed
