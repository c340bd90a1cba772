{#- One mart, kept up in several ways: answers of each item by exam and day. -#}
{% macro item_days(rows) %}
    select
        facts.exam_code,
        facts.session_started_on,
        facts.question_id,
        facts.version,
        cast(date_trunc('month', facts.session_started_on) as date) as month,
        count(*) as attempts,
        count(*) filter (where facts.is_first_attempt) as first_attempts,
        count(*) filter (where facts.is_first_attempt and facts.is_correct) as first_correct,
        max(facts.loaded_at) as loaded_at
    from {{ rows }} as facts
    group by 1, 2, 3, 4
{% endmacro %}

{#- The rows of days (or months) in which an answer came in since the last build: what a clock can
    see. Looked up key by key, as the platform's own models do. -#}
{% macro rows_of_news(key, facts_key) %}
    (
        select found.*
        from (
            select distinct news.exam_code, {{ facts_key }} as {{ key }}
            from {{ ref('fact_responses') }} as news
            where news.loaded_at > (select max(known.loaded_at) from {{ this }} as known)
        ) as touched
        cross join lateral (
            select rows_of_key.*
            from {{ ref('fact_responses') }} as rows_of_key
            where
                rows_of_key.exam_code = touched.exam_code
                and rows_of_key.session_started_on >= touched.{{ key }}
                and rows_of_key.session_started_on
                < touched.{{ key }} + interval '1 {{ "month" if key == "month" else "day" }}'
            offset 0
        ) as found
    )
{% endmacro %}
