{%- set touches = {
    'fact': 'fact_responses',
    'keys': ['session_started_on', 'exam_code'],
    'by': [
        ["rows_of_fact.started_on", "rows_of_fact.exam_code"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['session_started_on', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=[
            "{{ end_reading() }}",
            "{{ unique_key_with(
                ['session_started_on', 'exam_code', 'question_id',
                 'version', 'option_label']
            ) }}",
        ],
    )
}}

with facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

responses as (
    {{ rows_of_touched('facts', ['session_started_on', 'exam_code']) }}
)

{% else %}

responses as (
    select * from facts
)

{% endif %}

select
    responses.exam_code,
    responses.question_id,
    responses.version,
    responses.session_started_on,
    responses.option_label,
    -- where a late answer took a first attempt's place, a row of 0 replaces the one that counted it
    cast(count(*) filter (where responses.is_first_attempt) as integer) as responses,
    {{ newest_load('facts') }} as loaded_at
from responses
where responses.option_label is not null
group by 1, 2, 3, 4, 5
