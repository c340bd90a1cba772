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

{#- The rows are read twice, and kept in between: these columns only. -#}
{%- set columns = [
    'exam_code', 'tenant_id', 'question_id', 'version', 'session_started_on', 'quiz_id',
    'is_first_attempt', 'is_void', 'is_pretest', 'is_correct', 'score_share',
] %}

with facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

responses as (
    {{ rows_of_touched('facts', ['session_started_on', 'exam_code'], columns) }}
),

{% else %}

responses as (
    select * from facts
),

{% endif %}

-- all responses of a quiz lie in the day it started, so its score is complete within a day
session_scores as (
    select
        responses.quiz_id,
        count(*) as answered,
        count(*) filter (where responses.is_correct) as correct
    from responses
    where {{ is_scored('responses') }}
    group by responses.quiz_id
    having count(*) >= 5
),

scored as (
    select
        responses.exam_code,
        responses.tenant_id,
        responses.question_id,
        responses.version,
        responses.session_started_on,
        responses.is_first_attempt,
        cast(responses.is_correct as integer) as score,
        responses.score_share,
        -- the share correct on the quiz's other items (item-rest); what is tried out is none
        case
            when {{ is_operational('responses') }}
                then
                    {{ ratio(
                        'scores.correct - cast(responses.is_correct as integer)',
                        'scores.answered - 1'
                    ) }}
            else {{ ratio('scores.correct', 'scores.answered') }}
        end as rest_score
    from responses
    left join session_scores as scores
        on responses.quiz_id = scores.quiz_id and responses.is_void is not true
)

select
    scored.exam_code,
    scored.tenant_id,
    scored.question_id,
    scored.version,
    scored.session_started_on,
    -- integers: their sums over days are bigint, where those of bigint would be numeric and slow
    cast(count(*) as integer) as attempts,
    cast(count(*) filter (where scored.is_first_attempt) as integer) as first_attempts,
    cast(
        count(*) filter (where scored.is_first_attempt and scored.score = 1) as integer
    ) as first_correct,
    coalesce(sum(scored.score_share) filter (where scored.is_first_attempt), 0) as first_share,
    cast(count(scored.rest_score) filter (where scored.is_first_attempt) as integer) as rest_n,
    cast(
        count(scored.rest_score) filter (where scored.is_first_attempt and scored.score = 1)
        as integer
    ) as rest_sum_score,
    coalesce(sum(scored.rest_score) filter (where scored.is_first_attempt), 0) as rest_sum,
    coalesce(sum(scored.rest_score * scored.rest_score) filter (where scored.is_first_attempt), 0)
        as rest_sum_squares,
    coalesce(sum(scored.score * scored.rest_score) filter (where scored.is_first_attempt), 0)
        as rest_sum_products,
    {{ newest_load('facts') }} as loaded_at
from scored
group by
    scored.exam_code, scored.tenant_id, scored.question_id, scored.version,
    scored.session_started_on
