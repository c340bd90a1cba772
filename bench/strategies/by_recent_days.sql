{#- The days of the look-back, made anew whatever came in. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['session_started_on'],
    indexes=[{'columns': ['session_started_on']}],
) }}
{% if is_incremental() %}
{{ item_days("(select * from " ~ ref('fact_responses')
    ~ " where session_started_on >= current_date - " ~ var('lookback_days') ~ ")") }}
{% else %}
{{ item_days(ref('fact_responses')) }}
{% endif %}
