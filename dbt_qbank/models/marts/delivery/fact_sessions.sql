{{
    config(
        materialized='incremental',
        incremental_strategy='upsert',
        unique_key='quiz_id',
        on_schema_change='fail',
        meta={'compared_by': {
            'key': 'quiz_id',
            'source': 'quiz_sessions',
            'source_key': 'id',
            'reads': {'stg_quiz_sessions': 'rows_of_fact.quiz_id in ({})'},
        }},
        pre_hook=[
            "{{ lock_this() }}", "{{ begin_reading() }}", "{{ take_out_changed() }}",
        ],
        post_hook="{{ end_reading() }}",
        indexes=[
            {'columns': ['exam_code', 'ended_on']},
            {'columns': ['ended_on']},
            {'columns': ['exam_code', 'started_on']},
            {'columns': ['user_id', 'exam_code']},
            {'columns': ['loaded_at']},
            {'columns': ['source_changed_at']},
        ],
    )
}}

-- imports are not materialized: PostgreSQL would copy a table that two steps read
with sessions as not materialized (
    select * from {{ ref('stg_quiz_sessions') }}
),

items as not materialized (
    select * from {{ ref('stg_quiz_items') }}
),

responses as not materialized (
    select * from {{ ref('stg_user_responses') }}
),

assignments as not materialized (
    select * from {{ ref('stg_cohort_assignments') }}
),

described as not materialized (
    select
        sessions.*,
        -- the earlier of its end and its expiry, once that has passed; an expired quiz that is
        -- sealed later has ended when it expired, so that a past day's counts stand
        case
            when least(sessions.sealed_at, sessions.expires_at) <= {{ as_of() }}
                then least(sessions.sealed_at, sessions.expires_at)
        end as ended_at,
        coalesce(assigned.cohorts, '{}') as cohorts
    from sessions
    left join lateral (
        -- of two values for a key the later one stays: a tenant's own wins over everyone's
        select
            jsonb_object_agg(
                assignments.cohort_key, assignments.cohort_value
                order by assignments.tenant_id nulls first
            ) as cohorts
        from assignments
        where
            assignments.user_id = sessions.user_id
            and (assignments.tenant_id is null or assignments.tenant_id = sessions.tenant_id)
            and assignments.assigned_at <= sessions.started_at
    ) as assigned on true
),

{% if is_incremental() %}

cutoff as materialized (
    select {{ lookback_start('source_changed_at') }} as changed_from
),

-- what the look-back finds of each quiz. Items by served_at, which is indexed: those that come in
-- later than that come in with a change of their quiz (imports) or with an answer (devices that
-- were offline)
recent as (
    select
        steps.quiz_id,
        sum(steps.served) as served,
        sum(steps.answered) as answered,
        max(steps.changed_at) as changed_at
    from (
        select
            sessions.quiz_id,
            0 as served,
            0 as answered,
            sessions.updated_at as changed_at
        from sessions
        where sessions.updated_at >= (select cutoff.changed_from from cutoff)
        union all
        select
            items.quiz_id,
            1 as served,
            0 as answered,
            items.recorded_at as changed_at
        from items
        where items.served_at >= (select cutoff.changed_from from cutoff)
        union all
        select
            responses.quiz_id,
            0 as served,
            1 as answered,
            responses.recorded_at as changed_at
        from responses
        where responses.recorded_at >= (select cutoff.changed_from from cutoff)
    ) as steps
    group by steps.quiz_id
),

touched as (
    select recent.quiz_id
    from recent
    inner join {{ looked_up('described', 'recent', ['quiz_id']) }} as current_state on true
    -- known as it stands, if all of it lies in the look-back
    where
        not exists (
            select 1
            from {{ this }} as known
            where
                known.quiz_id = recent.quiz_id
                and known.started_at >= (select cutoff.changed_from from cutoff)
                and known.source_changed_at = recent.changed_at
                and known.served = recent.served
                and known.answered = recent.answered
                and known.ended_at is not distinct from current_state.ended_at
                and known.cohorts = current_state.cohorts
        )
    union
    -- time passes: what was open may have expired
    select known.quiz_id
    from {{ this }} as known
    where known.ended_on is null and known.expires_at <= {{ as_of() }}
    union
    select changes.key as quiz_id from ({{ changed_keys('quiz') }}) as changes
    union
    select taken_out.quiz_id from ({{ taken_out() }}) as taken_out
    union
    -- whoever was assigned or withdrawn, whenever that was
    select known.quiz_id
    from ({{ changed_keys('user') }}) as assigned
    cross join lateral (
        select quizzes.quiz_id from {{ this }} as quizzes
        where quizzes.user_id = assigned.key
        offset 0
    ) as known
),

candidates as (
    {{ rows_of_touched('described', ['quiz_id']) }}
),

{% else %}

candidates as (
    select * from described
),

{% endif %}

measured as (
    select
        candidates.*,
        steps.served,
        steps.answered,
        steps.correct,
        steps.scored,
        steps.pretest_served,
        steps.pretest_answered,
        steps.time_taken_ms,
        steps.unanswered_question_ids,
        steps.unanswered_versions,
        greatest(candidates.updated_at, steps.changed_at) as source_changed_at
    from candidates
    cross join lateral (
        select
            cast(count(*) as integer) as served,
            cast(count(responses.response_id) as integer) as answered,
            cast(
                count(*) filter (
                    where responses.is_correct
                    and responses.is_void is not true
                    and {{ is_operational('items') }}
                ) as integer
            ) as correct,
            count(responses.response_id) filter (
                where responses.is_void is not true and {{ is_operational('items') }}
            ) as scored,
            cast(count(*) filter (where not {{ is_operational('items') }}) as integer)
                as pretest_served,
            cast(
                count(responses.response_id) filter (where not {{ is_operational('items') }})
                as integer
            ) as pretest_answered,
            sum(responses.time_taken_ms) as time_taken_ms,
            array_agg(items.question_id order by items.position)
            filter (where responses.response_id is null and {{ is_operational('items') }})
                as unanswered_question_ids,
            array_agg(items.version order by items.position)
            filter (where responses.response_id is null and {{ is_operational('items') }})
                as unanswered_versions,
            greatest(max(items.recorded_at), max(responses.recorded_at)) as changed_at
        from items
        left join responses
            on items.quiz_id = responses.quiz_id and items.question_id = responses.question_id
        where items.quiz_id = candidates.quiz_id
    ) as steps
)

select
    measured.quiz_id,
    measured.tenant_id,
    measured.user_id,
    measured.exam_code,
    measured.mode,
    measured.is_adaptive,
    measured.selector,
    measured.cohorts,
    case
        when measured.ended_at is null then 'open'
        when measured.sealed_at <= measured.expires_at then 'finished'
        else 'expired'
    end as status,
    measured.num_questions,
    measured.served,
    measured.answered,
    measured.pretest_served,
    measured.pretest_answered,
    measured.correct,
    {{ ratio('measured.correct', 'measured.scored') }} as accuracy,
    measured.time_taken_ms,
    measured.theta,
    measured.theta_se,
    coalesce(measured.unanswered_question_ids, '{}') as unanswered_question_ids,
    coalesce(measured.unanswered_versions, '{}') as unanswered_versions,
    measured.started_at,
    {{ utc_date('measured.started_at') }} as started_on,
    measured.expires_at,
    measured.ended_at,
    {{ utc_date('measured.ended_at') }} as ended_on,
    measured.source_changed_at,
    {{ loading_clock() }} as loaded_at
from measured
{% if is_incremental() %}
left join {{ looked_up(this, 'measured', ['quiz_id']) }} as written on true
where
    (
        written.source_changed_at = measured.source_changed_at
        and written.ended_at is not distinct from measured.ended_at
        and written.served = measured.served
        and written.answered = measured.answered
        and written.cohorts = measured.cohorts
    ) is not true
{% endif %}
