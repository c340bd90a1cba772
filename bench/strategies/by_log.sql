{#- The platform's own: every key that was touched by the log of changes, old and new. -#}
{%- set touches = {
    'fact': 'fact_responses',
    'keys': ['session_started_on', 'exam_code'],
    'by': [["rows_of_fact.started_on", "rows_of_fact.exam_code"]],
} %}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    unique_key=['session_started_on', 'exam_code'],
    meta={'touches': touches},
    pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
    post_hook="{{ end_reading() }}",
    indexes=[{'columns': ['session_started_on', 'exam_code']}],
) }}
with facts as not materialized (select * from {{ ref('fact_responses') }})
{% if is_incremental() %}
, touched as (select * from {{ touched(touches) }})
{{ item_days("(" ~ rows_of_touched('facts', ['session_started_on', 'exam_code']) ~ ")") }}
{% else %}
{{ item_days('facts') }}
{% endif %}
