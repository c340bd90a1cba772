with source as (
    select * from {{ source('qbank', 'question_publication_history') }}
),

renamed as (
    select
        id as publication_id,
        exam_code,
        question_id,
        version,
        published_at
    from source
)

select * from renamed
