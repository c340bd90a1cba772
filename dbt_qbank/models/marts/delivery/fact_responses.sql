{{
    config(
        materialized='incremental',
        incremental_strategy='upsert',
        unique_key='response_id',
        on_schema_change='fail',
        pre_hook="{{ lock_this() }}",
        indexes=[
            {'columns': ['recorded_at']},
            {'columns': ['quiz_id']},
            {'columns': ['user_id', 'question_id', 'attempt_number', 'tenant_id']},
            {'columns': ['question_id', 'exam_code']},
            {'columns': ['loaded_at']},
            {'columns': ['exam_code', 'session_started_on']},
            {'columns': ['answered_at'], 'type': 'brin'},
        ],
    )
}}

-- imports are not materialized: PostgreSQL would copy a table that two steps read
with responses as not materialized (
    select * from {{ ref('stg_user_responses') }}
),

{% if is_incremental() %}

cutoff as materialized (
    select {{ lookback_start('recorded_at') }} as recorded_from
),

arrived as materialized (
    select responses.*
    from responses
    where
        responses.recorded_at >= (select cutoff.recorded_from from cutoff)
        and not exists (
            select 1
            from {{ this }} as known
            where
                known.response_id = responses.response_id
                and known.recorded_at >= (select cutoff.recorded_from from cutoff)
        )
),

-- in the order of the index that is probed next
arrived_at as (
    select distinct
        arrived.user_id,
        arrived.question_id
    from arrived
    order by arrived.user_id, arrived.question_id
),

-- a late row renumbers the attempts that follow it, so those at what arrived are numbered anew;
-- `offset 0` keeps the planner at one index probe an arrived key
candidates as (
    select
        arrived.*,
        cast(null as integer) as known_number
    from arrived
    union all
    select
        attempts.response_id,
        attempts.quiz_id,
        attempts.user_id,
        attempts.question_id,
        attempts.version,
        attempts.option_label,
        attempts.is_correct,
        attempts.time_taken_ms,
        attempts.answered_at,
        attempts.recorded_at,
        attempts.attempt_number as known_number
    from arrived_at
    inner join lateral (
        select known.*
        from {{ this }} as known
        where
            known.user_id = arrived_at.user_id
            and known.question_id = arrived_at.question_id
        offset 0
    ) as attempts on true
    where
        not exists (
            select 1
            from arrived as again
            where again.response_id = attempts.response_id
        )
),

{% else %}

candidates as (
    select * from responses
),

{% endif %}

sessions as (
    select * from {{ ref('stg_quiz_sessions') }}
),

-- an attempt is one at the question, whatever the exam or version: whoever has seen version 1
-- in one exam does not meet version 2 in another as something new
numbered as (
    select
        candidates.*,
        sessions.tenant_id,
        sessions.exam_code,
        sessions.mode,
        sessions.is_adaptive,
        {{ utc_date('sessions.started_at') }} as session_started_on,
        cast(row_number() over (
            partition by sessions.tenant_id, candidates.user_id, candidates.question_id
            order by candidates.answered_at, candidates.response_id
        ) as integer) as attempt_number
    from candidates
    inner join sessions on candidates.quiz_id = sessions.quiz_id
),

changed as (
    select numbered.*
    from numbered
    {% if is_incremental() %}
    where numbered.attempt_number is distinct from numbered.known_number
    {% endif %}
),

items as (
    select * from {{ ref('stg_quiz_items') }}
),

versions as (
    select * from {{ ref('stg_question_versions') }}
)

select
    changed.response_id,
    changed.tenant_id,
    changed.quiz_id,
    changed.user_id,
    changed.exam_code,
    changed.question_id,
    changed.version,
    versions.topic_id,
    items.position,
    changed.mode,
    changed.is_adaptive,
    items.selector,
    items.theta_before,
    items.sh_p,
    changed.option_label,
    changed.is_correct,
    changed.time_taken_ms,
    changed.attempt_number,
    changed.attempt_number = 1 as is_first_attempt,
    changed.session_started_on,
    items.served_at,
    changed.answered_at,
    changed.recorded_at,
    {{ loading_clock() }} as loaded_at
from changed
{% if is_incremental() %}
inner join lateral (
    select all_items.*
    from items as all_items
    where all_items.quiz_id = changed.quiz_id and all_items.question_id = changed.question_id
    offset 0
) as items on true
{% else %}
inner join items
    on changed.quiz_id = items.quiz_id and changed.question_id = items.question_id
{% endif %}
left join versions
    on changed.question_id = versions.question_id and changed.version = versions.version
-- by day and exam, which are rebuilt together; within these by user, so that what reads a user's
-- history finds a sitting on a page or two and not on as many as it has answers
order by
    changed.session_started_on, changed.exam_code, changed.user_id, changed.response_id
