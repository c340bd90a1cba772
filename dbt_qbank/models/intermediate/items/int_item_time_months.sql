{%- set touches = {
    'fact': 'fact_responses',
    'keys': ['month', 'exam_code'],
    'by': [
        ["cast(date_trunc('month', rows_of_fact.started_on) as date)", "rows_of_fact.exam_code"],
    ],
    'reads': {
        'int_item_time_days':
            "(cast(date_trunc('month', rows_of_fact.session_started_on) as date), "
            ~ "rows_of_fact.exam_code) in ({})",
    },
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['month', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=[
            "{{ end_reading() }}",
            "{{ unique_key_with(['month', 'exam_code', 'question_id', 'version']) }}",
        ],
    )
}}

{#- Months between the days and the whole: a night adds up the days of the months it touched and
    not those of all years. -#}

with days as not materialized (
    select * from {{ ref('int_item_time_days') }}
),

facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

touched_days as (
    select found.*
    from touched
    cross join lateral (
        select days.*
        from days
        where
            days.session_started_on >= touched.month
            and days.session_started_on < touched.month + interval '1 month'
            and days.exam_code = touched.exam_code
        offset 0
    ) as found
),

{% else %}

touched_days as (
    select * from days
),

{% endif %}

-- the month once a day (`offset 0`), and not again for each of its bins
months as (
    select
        touched_days.exam_code,
        touched_days.question_id,
        touched_days.version,
        {{ month_of('touched_days.session_started_on') }} as month,
        touched_days.time_bins,
        touched_days.responses_by_bin
    from touched_days
    offset 0
),

-- arrays are opened in the select list, which takes half as long as in a lateral join
opened as (
    select
        months.exam_code,
        months.question_id,
        months.version,
        months.month,
        unnest(months.time_bins) as time_bin,
        unnest(months.responses_by_bin) as responses
    from months
),

bins as (
    select
        opened.exam_code,
        opened.question_id,
        opened.version,
        opened.month,
        opened.time_bin,
        cast(sum(opened.responses) as integer) as responses
    from opened
    group by opened.exam_code, opened.question_id, opened.version, opened.month, opened.time_bin
)

select
    bins.exam_code,
    bins.question_id,
    bins.version,
    bins.month,
    array_agg(bins.time_bin order by bins.time_bin) as time_bins,
    array_agg(bins.responses order by bins.time_bin) as responses_by_bin,
    {{ newest_load('facts') }} as loaded_at
from bins
group by bins.exam_code, bins.question_id, bins.version, bins.month
