{%- set touches = {
    'fact': 'fact_sessions',
    'keys': ['exam_code', 'day'],
    'by': [
        ["rows_of_fact.exam_code", "rows_of_fact.started_on"],
        ["rows_of_fact.exam_code", "rows_of_fact.ended_on"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['exam_code', 'day'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=["{{ end_reading() }}", "{{ unique_key_with(['exam_code', 'day']) }}"],
    )
}}

with sessions as not materialized (
    select * from {{ ref('fact_sessions') }}
),

{% if is_incremental() %}

days as (
    select * from {{ touched(touches) }}
),

{% else %}

days as (
    select
        sessions.exam_code,
        sessions.started_on as day
    from sessions
    union
    select
        sessions.exam_code,
        sessions.ended_on as day
    from sessions
    where sessions.ended_on is not null
),

{% endif %}

started as (
    select
        sessions.tenant_id,
        sessions.exam_code,
        sessions.started_on as day,
        count(*) as sessions_started,
        count(distinct sessions.user_id) as active_users,
        sum(sessions.served - sessions.pretest_served) as served,
        sum(sessions.answered - sessions.pretest_answered) as responses,
        sum(sessions.correct) as correct
    from days
    inner join lateral (
        select started_that_day.*
        from {{ ref('fact_sessions') }} as started_that_day
        where
            started_that_day.exam_code = days.exam_code
            and started_that_day.started_on = days.day
        offset 0
    ) as sessions on true
    group by sessions.tenant_id, sessions.exam_code, sessions.started_on
),

ended as (
    select
        sessions.tenant_id,
        sessions.exam_code,
        sessions.ended_on as day,
        count(*) as sessions_ended,
        count(*) filter (where sessions.status = 'finished') as sessions_finished,
        count(*) filter (where {{ counts_for_exposure('sessions') }}) as sessions_served,
        count(*) filter (where {{ is_controlled('sessions') }}) as sessions_controlled
    from days
    inner join lateral (
        select ended_that_day.*
        from {{ ref('fact_sessions') }} as ended_that_day
        where
            ended_that_day.exam_code = days.exam_code
            and ended_that_day.ended_on = days.day
        offset 0
    ) as sessions on true
    group by sessions.tenant_id, sessions.exam_code, sessions.ended_on
)

select
    coalesce(started.tenant_id, ended.tenant_id) as tenant_id,
    coalesce(started.exam_code, ended.exam_code) as exam_code,
    coalesce(started.day, ended.day) as day,
    coalesce(started.sessions_started, 0) as sessions_started,
    coalesce(started.active_users, 0) as active_users,
    coalesce(started.served, 0) as served,
    coalesce(started.responses, 0) as responses,
    coalesce(started.correct, 0) as correct,
    {{ ratio('started.correct', 'started.responses') }} as accuracy,
    coalesce(ended.sessions_ended, 0) as sessions_ended,
    coalesce(ended.sessions_finished, 0) as sessions_finished,
    coalesce(ended.sessions_ended - ended.sessions_finished, 0) as sessions_expired,
    coalesce(ended.sessions_served, 0) as sessions_served,
    coalesce(ended.sessions_controlled, 0) as sessions_controlled,
    {{ newest_load('sessions') }} as loaded_at
from started
full outer join ended
    on started.exam_code = ended.exam_code and started.day = ended.day
