with source as (
    select * from {{ source('qbank', 'quiz_sessions') }}
    where {{ counts() }}
),

renamed as (
    select
        id as quiz_id,
        user_id,
        tenant_id,
        mode,
        adaptive as is_adaptive,
        exam_code,
        selector,
        num_questions,
        theta,
        theta_se,
        started_at,
        expires_at + make_interval(secs => grace_s) as expires_at,
        sealed_at,
        updated_at
    from source
)

select * from renamed
