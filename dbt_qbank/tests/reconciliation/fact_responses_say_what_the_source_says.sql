{{
    config(
        tags=['nightly_input'],
        meta={'dagster': {'ref': {'name': 'fact_responses'}}},
    )
}}
-- every recently loaded fact row is a response of the source, with the same answer; looked up row
-- by row (offset 0 keeps it so), for the planner takes a third of the table for recent
select facts.response_id
from {{ ref('fact_responses') }} as facts
left join lateral (
    select
        responses.quiz_id,
        responses.user_id,
        responses.question_id,
        responses.version,
        responses.is_correct
    from {{ ref('stg_user_responses') }} as responses
    where responses.response_id = facts.response_id
    offset 0
) as source on true
where
    facts.{{ recently_loaded(ref('fact_responses')) }}
    and (
        (source.quiz_id, source.user_id, source.question_id, source.version, source.is_correct)
        = (facts.quiz_id, facts.user_id, facts.question_id, facts.version, facts.is_correct)
    ) is not true
