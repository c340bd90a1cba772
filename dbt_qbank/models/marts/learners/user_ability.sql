{%- set touches = {
    'fact': 'fact_sessions',
    'keys': ['user_id', 'exam_code'],
    'by': [
        ["rows_of_fact.user_id", "rows_of_fact.exam_code"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['user_id', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook="{{ end_reading() }}",
        indexes=[
            {'columns': ['user_id', 'exam_code']},
            {'columns': ['exam_code', 'tenant_id']},
            {'columns': ['loaded_at']},
        ],
    )
}}

with sessions as not materialized (
    select * from {{ ref('fact_sessions') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

candidates as (
    {{ rows_of_touched('sessions', ['user_id', 'exam_code']) }}
),

{% else %}

candidates as (
    select * from sessions
),

{% endif %}

ranked as (
    select
        candidates.*,
        count(*) over (partition by candidates.user_id, candidates.exam_code) as sessions_scored,
        row_number() over (
            partition by candidates.user_id, candidates.exam_code
            order by candidates.ended_at desc, candidates.quiz_id desc
        ) as recency
    from candidates
    where
        candidates.ended_at is not null
        and candidates.answered > 0
        -- an ability that was never estimated stands at its start without an error
        and candidates.theta_se is not null
)

select
    ranked.tenant_id,
    ranked.user_id,
    ranked.exam_code,
    ranked.theta,
    ranked.theta_se,
    ranked.theta - {{ z_95() }} * ranked.theta_se as theta_lower,
    ranked.theta + {{ z_95() }} * ranked.theta_se as theta_upper,
    ranked.quiz_id,
    ranked.answered - ranked.pretest_answered as responses,
    ranked.sessions_scored,
    ranked.ended_at as estimated_at,
    {{ newest_load('sessions') }} as loaded_at
from ranked
where ranked.recency = 1
