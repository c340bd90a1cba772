{{ config(materialized='view') }}

with ended_runs as (
    select
        runs.run_id,
        runs.exam_code,
        runs.kind,
        runs.params,
        runs.result,
        runs.finished_at,
        row_number() over (
            partition by runs.exam_code
            order by runs.finished_at desc, runs.run_id asc
        ) as recency
    from {{ ref('stg_calibration_runs') }} as runs
    where
        runs.kind in ('sympson_hetter', 'rollback')
        and runs.status = 'done'
        and runs.stopped_reason is distinct from 'dry_run'
),

-- what holds is of the newest run, or of the one that the newest went back to
in_force as (
    select
        newest.exam_code,
        {{ utc_date('newest.finished_at') }} as in_force_since,
        coalesce(target.result, newest.result) as result,
        case
            when newest.kind = 'rollback' then {{ json_number('target.params', 'tau') }}
            else {{ json_number('newest.params', 'tau') }}
        end as tau
    from ended_runs as newest
    left join ended_runs as target
        on
            newest.kind = 'rollback'
            and newest.params ->> 'run_id' = cast(target.run_id as text)
    where
        newest.recency = 1
        and (newest.kind = 'sympson_hetter' or target.kind = 'sympson_hetter')
),

-- the arrays of a proposal run side by side
predicted as (
    select
        in_force.exam_code,
        in_force.in_force_since,
        in_force.tau,
        cast(jsonb_array_elements_text(in_force.result #> '{proposal,question_id}') as bigint)
            as question_id,
        cast(jsonb_array_elements_text(in_force.result #> '{proposal,version}') as integer)
            as version,
        cast(
            jsonb_array_elements_text(in_force.result #> '{summary,administered}')
            as double precision
        ) as predicted_rate
    from in_force
    -- proposals of long ago are removed
    where in_force.result -> 'proposal' is not null
),

days as (
    select
        rates.exam_code,
        rates.question_id,
        rates.version,
        rates.day,
        rates.controlled_sessions,
        rates.controlled_served
    from {{ ref('exposure_daily_rates') }} as rates
    inner join in_force
        on rates.exam_code = in_force.exam_code and rates.day > in_force.in_force_since
),

exam_days as (
    select distinct
        days.exam_code,
        days.day,
        days.controlled_sessions
    from days
),

exam_sessions as (
    select
        exam_days.exam_code,
        sum(exam_days.controlled_sessions) as sessions
    from exam_days
    group by exam_days.exam_code
),

served as (
    select
        days.exam_code,
        days.question_id,
        days.version,
        sum(days.controlled_served) as served
    from days
    group by days.exam_code, days.question_id, days.version
)

select
    predicted.exam_code,
    predicted.question_id,
    predicted.version,
    predicted.predicted_rate,
    predicted.in_force_since,
    predicted.tau,
    cast(coalesce(exam_sessions.sessions, 0) as bigint) as sessions,
    cast(coalesce(served.served, 0) as bigint) as served
from predicted
left join exam_sessions on predicted.exam_code = exam_sessions.exam_code
left join served
    on
        predicted.exam_code = served.exam_code
        and predicted.question_id = served.question_id
        and predicted.version = served.version
