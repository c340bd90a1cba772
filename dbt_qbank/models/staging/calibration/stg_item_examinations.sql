with source as (
    select * from {{ source('qbank', 'item_examinations') }}
),

renamed as (
    select
        exam_code,
        tenant_id,
        responses,
        persons,
        summary,
        examined_at
    from source
)

select * from renamed
