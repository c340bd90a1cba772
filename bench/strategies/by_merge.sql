{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['exam_code', 'session_started_on', 'question_id', 'version'],
    indexes=[{'columns': ['exam_code', 'session_started_on', 'question_id', 'version']}],
) }}
{% if is_incremental() %}
{{ item_days(rows_of_news('session_started_on', 'news.session_started_on')) }}
{% else %}
{{ item_days(ref('fact_responses')) }}
{% endif %}
