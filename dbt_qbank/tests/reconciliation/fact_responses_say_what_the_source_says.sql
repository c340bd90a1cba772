{{
    config(
        tags=['nightly_input'],
        meta={'dagster': {'ref': {'name': 'fact_responses'}}},
    )
}}
-- every recently loaded fact row is a response of the source, with the same answer; looked up row
-- by row
select facts.response_id
from {{ ref('fact_responses') }} as facts
left join {{ looked_up(
    ref('stg_user_responses'), 'facts', ['response_id'],
    ['quiz_id', 'user_id', 'question_id', 'version', 'is_correct', 'score_share', 'is_void']
) }} as source on true
where
    facts.{{ recently_loaded(ref('fact_responses')) }}
    and (
        (
            source.quiz_id, source.user_id, source.question_id, source.version, source.is_correct,
            source.score_share, source.is_void
        )
        = (
            facts.quiz_id, facts.user_id, facts.question_id, facts.version, facts.is_correct,
            facts.score_share, facts.is_void
        )
    ) is not true
