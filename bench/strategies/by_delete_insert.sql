{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exam_code', 'session_started_on'],
    indexes=[{'columns': ['exam_code', 'session_started_on']}],
) }}
{% if is_incremental() %}
{{ item_days(rows_of_news('session_started_on', 'news.session_started_on')) }}
{% else %}
{{ item_days(ref('fact_responses')) }}
{% endif %}
