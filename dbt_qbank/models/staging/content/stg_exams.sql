with source as (
    select * from {{ source('qbank', 'exams') }}
),

renamed as (
    select
        exam_code,
        tenant_id,
        title,
        irt_model,
        tau,
        test_length,
        policy
    from source
)

select * from renamed
