with source as (
    select * from {{ source('qbank', 'exam_blueprints') }}
),

renamed as (
    select
        exam_code,
        topic_id,
        target_weight,
        min_items
    from source
)

select * from renamed
