{{ config(materialized='view') }}
{#- A view, so that a night copies nothing. It stands on incremental tables and a source only:
    dbt replaces a view or a table by dropping it with what depends on it, and calibration must
    find this one at any moment. -#}

with responses as not materialized (
    select * from {{ ref('fact_responses') }}
),

-- exams that score a served but unanswered item as wrong; by default it is missing, not wrong
strict_exams as (
    select exams.exam_code
    from {{ source('qbank', 'exams') }} as exams
    where exams.policy ->> 'unanswered' = 'wrong'
),

unanswered as (
    select
        sessions.exam_code,
        sessions.tenant_id,
        sessions.user_id,
        items.question_id,
        items.version,
        sessions.quiz_id,
        sessions.ended_at,
        row_number() over (
            partition by sessions.tenant_id, sessions.user_id, items.question_id
            order by sessions.ended_at, sessions.quiz_id
        ) as time_unanswered
    from {{ ref('fact_sessions') }} as sessions
    inner join strict_exams on sessions.exam_code = strict_exams.exam_code
    cross join
        lateral unnest(sessions.unanswered_question_ids, sessions.unanswered_versions)
            as items (question_id, version)
    where
        sessions.mode = 'exam'
        and sessions.ended_at is not null
        and not exists (
            select 1
            from {{ source('qbank', 'scoring_rules_in_force') }} as rules
            where
                rules.rule = 'void'
                and rules.exam_code = sessions.exam_code
                and rules.question_id = items.question_id
                and rules.version = items.version
        )
),

-- left blank before ever answered: the blank is the first attempt
first_blank as (
    select unanswered.*
    from unanswered
    where
        unanswered.time_unanswered = 1
        and not exists (
            select 1
            from responses
            where
                responses.tenant_id = unanswered.tenant_id
                and responses.user_id = unanswered.user_id
                and responses.question_id = unanswered.question_id
                and responses.is_first_attempt
                and responses.answered_at <= unanswered.ended_at
        )
)

select
    responses.exam_code,
    responses.tenant_id,
    responses.user_id,
    responses.question_id,
    responses.version,
    responses.is_correct,
    true as is_answered,
    responses.is_pretest,
    responses.quiz_id,
    responses.answered_at as attempted_at,
    responses.time_taken_ms
from responses
where
    responses.is_first_attempt
    and responses.is_void is not true
    and not exists (
        select 1
        from first_blank
        where
            first_blank.tenant_id = responses.tenant_id
            and first_blank.user_id = responses.user_id
            and first_blank.question_id = responses.question_id
    )
union all
select
    first_blank.exam_code,
    first_blank.tenant_id,
    first_blank.user_id,
    first_blank.question_id,
    first_blank.version,
    false as is_correct,
    false as is_answered,
    false as is_pretest,
    first_blank.quiz_id,
    first_blank.ended_at as attempted_at,
    null as time_taken_ms
from first_blank
