with source as (
    select * from {{ source('qbank', 'question_versions') }}
),

renamed as (
    select
        question_id,
        version,
        id as question_version_id,
        state,
        stem_md,
        difficulty_label,
        bloom_level,
        topic_id,
        created_at
    from source
)

select * from renamed
