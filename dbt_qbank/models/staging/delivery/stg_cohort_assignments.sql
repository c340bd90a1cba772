with source as (
    select * from {{ source('qbank', 'cohort_assignments') }}
),

renamed as (
    select
        user_id,
        tenant_id,
        cohort_key,
        cohort_value,
        assigned_at
    from source
)

select * from renamed
