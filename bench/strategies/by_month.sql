{#- What partitions by month would do: a month in which an answer came in is made anew as a whole. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exam_code', 'month'],
    indexes=[{'columns': ['exam_code', 'month']}],
) }}
{% if is_incremental() %}
{{ item_days(rows_of_news('month', "cast(date_trunc('month', news.session_started_on) as date)")) }}
{% else %}
{{ item_days(ref('fact_responses')) }}
{% endif %}
