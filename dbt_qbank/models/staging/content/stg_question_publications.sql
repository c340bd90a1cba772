with source as (
    select * from {{ source('qbank', 'question_publications') }}
),

renamed as (
    select
        question_id,
        tenant_id,
        exam_code,
        live_version,
        published_at
    from source
)

select * from renamed
