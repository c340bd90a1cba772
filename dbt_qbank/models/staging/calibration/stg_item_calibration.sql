with source as (
    select * from {{ source('qbank', 'item_calibration') }}
),

renamed as (
    select
        exam_code,
        question_id,
        version,
        model as irt_model,
        -- one metric in all marts, whatever D a calibration used: a·D is what makes a curve
        a * (scaling_constant / cast(1.7 as double precision)) as a,
        b,
        c,
        se_a * (scaling_constant / cast(1.7 as double precision)) as se_a,
        se_b,
        se_c,
        n_respondents,
        converged,
        fitted_at,
        run_id
    from source
)

select * from renamed
