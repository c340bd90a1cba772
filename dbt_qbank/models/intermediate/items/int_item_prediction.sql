{{ config(materialized='view') }}

with recursive ended_runs as (
    select
        runs.run_id,
        runs.exam_code,
        runs.kind,
        runs.params,
        runs.finished_at
    from {{ ref('stg_calibration_runs') }} as runs
    where
        runs.kind in ('sympson_hetter', 'reestimation', 'rollback')
        and runs.status = 'done'
        and runs.stopped_reason is distinct from 'dry_run'
),

-- who publishes for the whole exam; re-estimations move what these left
deciding as (
    select ended_runs.*
    from ended_runs
    where ended_runs.kind in ('sympson_hetter', 'rollback')
),

newest as (
    select distinct on (deciding.exam_code)
        deciding.*,
        {{ utc_date('deciding.finished_at') }} as in_force_since
    from deciding
    order by deciding.exam_code asc, deciding.finished_at desc, deciding.run_id asc
),

-- what holds is of the newest run, or of the one that it went back to: another such, or a
-- re-estimation, which stood on the last calibration before it
walked as (
    select
        newest.run_id,
        newest.exam_code,
        newest.kind,
        newest.params,
        newest.finished_at,
        newest.in_force_since
    from newest
    union all
    select
        earlier.run_id,
        walked.exam_code,
        earlier.kind,
        earlier.params,
        earlier.finished_at,
        walked.in_force_since
    from walked
    cross join
        lateral (
            select target.*
            from ended_runs as target
            where
                walked.kind = 'rollback'
                and cast(target.run_id as text) = walked.params ->> 'run_id'
            union all
            (
                select before.*
                from deciding as before
                where
                    walked.kind = 'reestimation'
                    and before.exam_code = walked.exam_code
                    and before.finished_at < walked.finished_at
                order by before.finished_at desc, before.run_id asc
                limit 1
            )
        ) as earlier
    where walked.kind <> 'sympson_hetter'
),

in_force as (
    select
        walked.exam_code,
        walked.in_force_since,
        {{ json_number('walked.params', 'tau') }} as tau,
        runs.result
    from walked
    inner join {{ ref('stg_calibration_runs') }} as runs on walked.run_id = runs.run_id
    where walked.kind = 'sympson_hetter'
),

-- the arrays of a proposal run side by side
predicted as (
    select
        in_force.exam_code,
        in_force.in_force_since,
        in_force.tau,
        -- null, all of them, in runs that do not say
        cast(jsonb_array_elements_text(in_force.result #> '{summary,caps}') as double precision)
            as cap,
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
    coalesce(predicted.cap, predicted.tau) as tau,
    cast(coalesce(exam_sessions.sessions, 0) as bigint) as sessions,
    cast(coalesce(served.served, 0) as bigint) as served
from predicted
left join exam_sessions on predicted.exam_code = exam_sessions.exam_code
left join served
    on
        predicted.exam_code = served.exam_code
        and predicted.question_id = served.question_id
        and predicted.version = served.version
