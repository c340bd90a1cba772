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
            "{{ unique_key_with(['session_started_on', 'exam_code', 'question_id', 'version']) }}",
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
),

{% else %}

responses as (
    select * from facts
),

{% endif %}

bins as (
    select
        responses.exam_code,
        responses.question_id,
        responses.version,
        responses.session_started_on,
        {{ time_bin('responses.time_taken_ms') }} as time_bin,
        -- where a late answer took a first attempt's place, a 0 replaces the row that counted it
        cast(count(*) filter (where responses.is_first_attempt) as integer) as responses
    from responses
    where responses.time_taken_ms is not null
    group by
        responses.exam_code, responses.question_id, responses.version,
        responses.session_started_on, time_bin
)

-- a day's bins in one row: there are nearly as many of them as responses
select
    bins.exam_code,
    bins.question_id,
    bins.version,
    bins.session_started_on,
    array_agg(bins.time_bin order by bins.time_bin) as time_bins,
    array_agg(bins.responses order by bins.time_bin) as responses_by_bin,
    {{ newest_load('facts') }} as loaded_at
from bins
group by bins.exam_code, bins.question_id, bins.version, bins.session_started_on
