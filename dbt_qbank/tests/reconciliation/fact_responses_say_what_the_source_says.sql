{{ config(tags=['nightly_input']) }}
-- every recently loaded fact row is a response of the source, with the same answer
select facts.response_id
from {{ ref('fact_responses') }} as facts
where
    facts.{{ recently_loaded(ref('fact_responses')) }}
    and not exists (
        select 1
        from {{ ref('stg_user_responses') }} as responses
        where
            responses.response_id = facts.response_id
            and responses.quiz_id = facts.quiz_id
            and responses.user_id = facts.user_id
            and responses.question_id = facts.question_id
            and responses.version = facts.version
            and responses.is_correct = facts.is_correct
    )
