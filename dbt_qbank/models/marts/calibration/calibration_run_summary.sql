{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['run_id'], 'unique': true},
            {'columns': ['exam_code', 'requested_at']},
        ],
    )
}}

with runs as (
    select
        all_runs.*,
        all_runs.result -> 'summary' as summary,
        -- the first and the last iteration of the search
        case when jsonb_typeof(all_runs.history -> 0) = 'object' then all_runs.history -> 0 end
            as first_iteration,
        case when jsonb_typeof(all_runs.history -> -1) = 'object' then all_runs.history -> -1 end
            as last_iteration
    from {{ ref('stg_calibration_runs') }} as all_runs
),

exposure_changes as (
    select
        history.run_id,
        count(*) as sh_p_changed,
        -- without control an item is always given, as at 1
        avg(abs(coalesce(history.sh_p_after, 1) - coalesce(history.sh_p_before, 1)))
            as mean_abs_change,
        max(abs(coalesce(history.sh_p_after, 1) - coalesce(history.sh_p_before, 1)))
            as max_abs_change
    from {{ ref('stg_item_exposure_history') }} as history
    where history.run_id is not null
    group by history.run_id
),

parameters as (
    select
        items.run_id,
        count(*) as parameters_in_force
    from {{ ref('stg_item_calibration') }} as items
    where items.run_id is not null
    group by items.run_id
)

select
    cast(runs.run_id as text) as run_id,
    exams.tenant_id,
    runs.exam_code,
    runs.kind,
    runs.status,
    runs.requested_by,
    runs.created_at as requested_at,
    runs.started_at,
    runs.finished_at,
    cast(extract(epoch from runs.started_at - runs.created_at) as double precision)
        as wait_seconds,
    cast(extract(epoch from runs.finished_at - runs.started_at) as double precision)
        as run_seconds,
    {{ json_number('runs.params', 'tau') }} as tau,
    coalesce(runs.params -> 'dry_run' = 'true', false) as is_dry_run,
    cast(coalesce(
        {{ json_number('runs.summary', 'iterations') }},
        {{ json_number('runs.summary', 'cycles') }},
        jsonb_array_length(runs.history)
    ) as integer) as iterations,
    {{ json_number('runs.first_iteration', 'max_exp') }} as max_exposure_first,
    {{ json_number('runs.last_iteration', 'max_exp') }} as max_exposure_last,
    {{ json_number('runs.first_iteration', 'overlap') }} as overlap_first,
    {{ json_number('runs.last_iteration', 'overlap') }} as overlap_last,
    {{ json_number('runs.first_iteration', 'rmse') }} as rmse_first,
    {{ json_number('runs.last_iteration', 'rmse') }} as rmse_last,
    {{ json_number('runs.last_iteration', 'bias') }} as bias_last,
    case
        when jsonb_typeof(runs.summary -> 'converged') = 'boolean'
            then runs.summary -> 'converged' = 'true'
    end as is_converged,
    -- why the run stopped, or else the search
    coalesce(runs.stopped_reason, runs.summary ->> 'stopped_reason') as stopped_reason,
    runs.error,
    coalesce(exposure_changes.sh_p_changed, 0) as sh_p_changed,
    exposure_changes.mean_abs_change as mean_abs_sh_p_change,
    exposure_changes.max_abs_change as max_abs_sh_p_change,
    coalesce(parameters.parameters_in_force, 0) as parameters_in_force
from runs
inner join {{ ref('stg_exams') }} as exams on runs.exam_code = exams.exam_code
left join exposure_changes on runs.run_id = exposure_changes.run_id
left join parameters on runs.run_id = parameters.run_id
