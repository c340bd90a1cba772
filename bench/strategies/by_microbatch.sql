{#- The last days by the clock, a day a batch; on Postgres each batch is a merge. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='microbatch',
    unique_key=['exam_code', 'session_started_on', 'question_id', 'version'],
    event_time='session_started_on',
    batch_size='day',
    lookback=3,
    begin=var('first_day'),
    indexes=[{'columns': ['session_started_on', 'exam_code', 'question_id', 'version']}],
) }}
{{ item_days("(select * from " ~ ref('fact_responses') ~ ")") }}
