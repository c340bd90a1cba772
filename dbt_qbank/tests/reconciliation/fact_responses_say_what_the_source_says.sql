{{ config(tags=['nightly_input']) }}
-- every recently loaded fact row is a response of the source, with the same answer
select facts.response_id
from {{ ref('fact_responses') }} as facts
left join {{ ref('stg_user_responses') }} as responses
    on
        facts.response_id = responses.response_id
        and facts.quiz_id = responses.quiz_id
        and facts.question_id = responses.question_id
        and facts.version = responses.version
        and facts.is_correct = responses.is_correct
where
    facts.loaded_at >= now() - interval '{{ var("test_window_days") }} days'
    and responses.response_id is null
