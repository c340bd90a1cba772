{{
    config(
        tags=['nightly_input'],
        meta={'dagster': {'ref': {'name': 'fact_sessions'}}},
        severity='warn',
    )
}}
-- standing comparison, whatever was written when: a thousandth of the quizzes, another one each day
-- (in an audit all of them), counted from the source and compared both ways. What came in or
-- changed after the build is left out; a warning, for clocks of devices may be astray
{%- set sampled -%}
{%- if var('test_window_days') | int >= 365 -%} true
    {%- else -%}
    mod(cast(hashtext(quizzes.quiz_id) as bigint) + 2147483648, 1000)
    = mod(cast(extract(doy from now()) as bigint), 1000)
{%- endif -%}
{%- endset %}
with build as (
    select max(facts.loaded_at) - interval '1 hour' as built_at
    from {{ ref('fact_sessions') }} as facts
),

known as (
    select quizzes.*
    from {{ ref('fact_sessions') }} as quizzes
    where {{ sampled }}
),

source_quizzes as (
    select
        quizzes.quiz_id,
        quizzes.exam_code,
        {{ utc_date('quizzes.started_at') }} as started_on,
        steps.served,
        steps.answered,
        steps.correct
    from {{ ref('stg_quiz_sessions') }} as quizzes
    cross join
        lateral (
            select
                count(*) as served,
                count(responses.response_id) as answered,
                count(*) filter (where responses.is_correct) as correct
            from {{ ref('stg_quiz_items') }} as items
            left join {{ ref('stg_user_responses') }} as responses
                on items.quiz_id = responses.quiz_id and items.question_id = responses.question_id
            where items.quiz_id = quizzes.quiz_id
        ) as steps
    where {{ sampled }}
),

settled as (
    select quizzes.quiz_id
    from {{ ref('stg_quiz_sessions') }} as quizzes
    cross join build
    where {{ sampled }} and quizzes.updated_at < build.built_at
)

select
    coalesce(known.quiz_id, source_quizzes.quiz_id) as quiz_id,
    known.served,
    source_quizzes.served as served_in_source
from known
full outer join source_quizzes on known.quiz_id = source_quizzes.quiz_id
left join settled on source_quizzes.quiz_id = settled.quiz_id
where
    (known.exam_code, known.started_on, known.served, known.answered, known.correct)
    is distinct from (
        source_quizzes.exam_code, source_quizzes.started_on, source_quizzes.served,
        source_quizzes.answered, source_quizzes.correct
    )
    and (source_quizzes.quiz_id is null or settled.quiz_id is not null)
