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
            "{{ unique_key_with(
                ['ended_on', 'exam_code', 'cohort_key',
                 'cohort_value', 'question_id', 'version']
            ) }}",
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
)

select
    sessions.exam_code,
    sessions.cohort_key,
    sessions.cohort_value,
    sessions.ended_on,
    items.question_id,
    items.version,
    cast(count(*) as integer) as served,
    {{ newest_load('facts') }} as loaded_at
from sessions
inner join {{ looked_up(
    ref('stg_quiz_items'), 'sessions', ['quiz_id'], ['question_id', 'version', 'is_pretest']
) }} as items on true
where {{ is_operational('items') }}
group by
    sessions.exam_code, sessions.cohort_key, sessions.cohort_value, sessions.ended_on,
    items.question_id, items.version
