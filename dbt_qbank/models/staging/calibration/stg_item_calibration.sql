with source as (
    select * from {{ source('qbank', 'item_calibration') }}
),

renamed as (
    select
        exam_code,
        question_id,
        version,
        model as irt_model,
        a,
        b,
        c,
        se_a,
        se_b,
        se_c,
        n_respondents,
        converged,
        fitted_at,
        run_id
    from source
)

select * from renamed
