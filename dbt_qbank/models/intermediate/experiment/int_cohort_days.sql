{%- set touches = {
    'fact': 'fact_sessions',
    'keys': ['ended_on', 'exam_code'],
    'by': [
        ["rows_of_fact.ended_on", "rows_of_fact.exam_code"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['ended_on', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=[
            "{{ end_reading() }}",
            "{{ unique_key_with(['ended_on', 'exam_code', 'cohort_key', 'cohort_value']) }}",
        ],
    )
}}

with facts as not materialized (
    select * from {{ ref('fact_sessions') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

ended as (
    {{ rows_of_touched('facts', ['ended_on', 'exam_code']) }}
),

{% else %}

ended as (
    select facts.*
    from facts
    where facts.ended_on is not null
),

{% endif %}

-- beside the assigned cohorts, every session is in the arm of the rule that it was delivered by
sessions as (
    select
        ended.*,
        arms.key as cohort_key,
        arms.value as cohort_value
    from ended
    cross join
        lateral jsonb_each_text(
            ended.cohorts || jsonb_build_object('delivered_selector', ended.selector)
        ) as arms
    where {{ counts_for_exposure('ended') }}
),

measured as (
    select
        sessions.*,
        {{ ratio('sessions.time_taken_ms', 'sessions.answered') }} as time_per_response
    from sessions
)

select
    measured.exam_code,
    measured.tenant_id,
    measured.cohort_key,
    measured.cohort_value,
    measured.ended_on,
    count(*) as sessions,
    count(*) filter (where measured.status = 'finished') as sessions_finished,
    sum(measured.served - measured.pretest_served) as served,
    count(measured.accuracy) as accuracy_n,
    coalesce(sum(measured.accuracy), 0) as accuracy_sum,
    coalesce(sum(measured.accuracy * measured.accuracy), 0) as accuracy_squares,
    count(measured.theta_se) as se_n,
    coalesce(sum(measured.theta_se), 0) as se_sum,
    coalesce(sum(measured.theta_se * measured.theta_se), 0) as se_squares,
    count(measured.time_per_response) as time_n,
    coalesce(sum(measured.time_per_response), 0) as time_sum,
    coalesce(sum(measured.time_per_response * measured.time_per_response), 0) as time_squares,
    {{ newest_load('facts') }} as loaded_at
from measured
group by
    measured.exam_code, measured.tenant_id, measured.cohort_key, measured.cohort_value,
    measured.ended_on
