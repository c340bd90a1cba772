{{
    config(
        tags=['nightly_input'],
        meta={'dagster': {'ref': {'name': 'fact_responses'}}},
        severity='warn',
    )
}}
-- every response to a quiz that counts is in the mart before the look-back leaves it behind: looked
-- for in its last day, once; a warning, for a long import that was still open during the build is
-- missing rightly, until the next one
with build as (
    select max(facts.loaded_at) - interval '{{ var("lookback_days") }} days' as leaves_from
    from {{ ref('fact_responses') }} as facts
)

select responses.response_id
from {{ ref('stg_user_responses') }} as responses
where
    responses.recorded_at < (
        select build.leaves_from + interval '1 day' from build
    )
    and responses.recorded_at >= (
        select build.leaves_from - interval '{{ var("test_window_days") }} days' from build
    )
    and exists (
        select 1
        from {{ ref('stg_quiz_sessions') }} as quizzes
        where quizzes.quiz_id = responses.quiz_id
    )
    and not exists (
        select 1
        from {{ ref('fact_responses') }} as facts
        where facts.response_id = responses.response_id
    )
