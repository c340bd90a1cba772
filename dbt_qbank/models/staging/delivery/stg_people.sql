with source as (
    select * from {{ source('qbank', 'people') }}
),

renamed as (
    select
        tenant_id,
        user_id,
        attributes,
        changed_at
    from source
)

select * from renamed
