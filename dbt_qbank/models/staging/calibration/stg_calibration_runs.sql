with source as (
    select * from {{ source('qbank', 'calibration_runs') }}
),

renamed as (
    select
        id as run_id,
        kind,
        exam_code,
        status,
        params,
        history,
        result,
        error,
        stopped_reason,
        requested_by,
        created_at,
        started_at,
        finished_at
    from source
)

select * from renamed
