{{
    config(
        materialized='incremental',
        incremental_strategy='upsert',
        unique_key='response_id',
        on_schema_change='fail',
        meta={'compared_by': {
            'key': 'user_id',
            'source': 'user_responses',
            'source_key': 'user_id',
            'reads': {
                'stg_user_responses': 'rows_of_fact.user_id in ({})',
                'stg_quiz_items': 'rows_of_fact.quiz_id = any(array('
                    ~ 'select answered.quiz_id from public.user_responses as answered '
                    ~ 'where answered.user_id in ({})))',
                'stg_quiz_sessions': 'rows_of_fact.quiz_id = any(array('
                    ~ 'select answered.quiz_id from public.user_responses as answered '
                    ~ 'where answered.user_id in ({})))',
            },
        }},
        pre_hook=[
            "{{ lock_this() }}", "{{ begin_reading() }}", "{{ take_out_changed() }}",
        ],
        post_hook=[
            "{{ end_reading() }}",
            "{{ vacuum_nightly() }}",
            "{{ unique_key_with(
                ['user_id', 'question_id', 'attempt_number', 'tenant_id'],
                ['exam_code', 'topic_id', 'is_correct', 'is_void', 'is_pretest', 'time_taken_ms',
                 'answered_at', 'response_id']
            ) }}",
        ],
        indexes=[
            {'columns': ['recorded_at', 'response_id']},
            {'columns': ['quiz_id']},
            {'columns': ['question_id', 'exam_code']},
            {'columns': ['loaded_at']},
            {'columns': ['exam_code', 'session_started_on']},
            {'columns': ['answered_at'], 'type': 'brin'},
        ],
    )
}}

{%- set columns = [
    'response_id', 'quiz_id', 'user_id', 'question_id', 'version', 'option_label', 'is_correct',
    'score_share', 'is_void', 'time_taken_ms', 'answered_at', 'recorded_at', 'tenant_id', 'exam_code', 'mode',
    'is_adaptive', 'session_started_on',
] %}

-- imports are not materialized: PostgreSQL would copy a table that two steps read
with responses as not materialized (
    select * from {{ ref('stg_user_responses') }}
),

sessions as not materialized (
    select * from {{ ref('stg_quiz_sessions') }}
),

items as not materialized (
    select * from {{ ref('stg_quiz_items') }}
),

{% if is_incremental() %}

cutoff as materialized (
    select {{ lookback_start('recorded_at') }} as recorded_from
),

-- what was taken out of the mart, and what else is said to have changed
taken_out as (
    {{ taken_out() }}
),

reread as (
    select changes.key as quiz_id from ({{ changed_keys('quiz') }}) as changes
    union
    select taken_out.quiz_id from taken_out
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
    union all
    select responses.*
    from reread
    inner join {{ looked_up('responses', 'reread', ['quiz_id']) }} as responses on true
    where responses.recorded_at < (select cutoff.recorded_from from cutoff)
),

-- each quiz is looked up once
touched as (
    select distinct arrived.quiz_id from arrived
),

quizzes as (
    {{ rows_of_touched('sessions', ['quiz_id']) }}
),

{% else %}

arrived as not materialized (
    select * from responses
),

quizzes as (
    select * from sessions
),

{% endif %}

placed as (
    select
        arrived.*,
        quizzes.tenant_id,
        quizzes.exam_code,
        quizzes.mode,
        quizzes.is_adaptive,
        {{ utc_date('quizzes.started_at') }} as session_started_on
    from arrived
    inner join quizzes on arrived.quiz_id = quizzes.quiz_id
),

{% if is_incremental() %}

-- in the order of the index that is probed next
arrived_at as (
    select
        either.user_id,
        either.question_id
    from (
        select
            arrived.user_id,
            arrived.question_id
        from arrived
        union
        select
            taken_out.user_id,
            taken_out.question_id
        from taken_out
    ) as either
    order by either.user_id, either.question_id
),

-- a late row renumbers the attempts that follow it, as one that went does, so those at either are
-- numbered anew. Nothing is read of them but what the index holds
candidates as (
    select
        {% for column in columns %}
        placed.{{ column }},
        {% endfor %}
        cast(null as integer) as known_number
    from placed
    union all
    select
        {% for column in columns %}
        {% if column in ['response_id', 'tenant_id', 'user_id', 'question_id', 'answered_at'] %}
        attempts.{{ column }},
        {% else %}
        null as {{ column }},
        {% endif %}
        {% endfor %}
        attempts.attempt_number as known_number
    from arrived_at
    inner join {{ looked_up(
        this, 'arrived_at', ['user_id', 'question_id'],
        ['response_id', 'tenant_id', 'user_id', 'question_id', 'answered_at', 'attempt_number']
    ) }} as attempts on true
    where
        not exists (
            select 1
            from arrived as again
            where again.response_id = attempts.response_id
        )
),

{% else %}

candidates as (
    select * from placed
),

{% endif %}

-- an attempt is one at the question, whatever the exam or version: whoever has seen version 1
-- in one exam does not meet version 2 in another as something new
numbered as (
    select
        candidates.*,
        cast(row_number() over (
            partition by candidates.tenant_id, candidates.user_id, candidates.question_id
            order by candidates.answered_at, candidates.response_id
        ) as integer) as attempt_number
    from candidates
),

{% if is_incremental() %}

changed as materialized (
    select
        {% for column in columns %}
        numbered.{{ column }},
        {% endfor %}
        numbered.attempt_number
    from numbered
    where numbered.known_number is null
    union all
    select
        {% for column in columns %}
        renumbered.{{ column }},
        {% endfor %}
        numbered.attempt_number
    from numbered
    inner join {{ looked_up(this, 'numbered', ['response_id']) }} as renumbered on true
    where numbered.attempt_number <> numbered.known_number
),

changed_quizzes as (
    select distinct changed.quiz_id from changed
),

served as (
    {{ rows_of_touched('items', ['quiz_id'], touched='changed_quizzes') }}
),

{% else %}

changed as (
    select * from numbered
),

served as (
    select * from items
),

{% endif %}

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
    served.position,
    changed.mode,
    changed.is_adaptive,
    served.selector,
    served.theta_before,
    served.sh_p,
    changed.option_label,
    changed.is_correct,
    changed.score_share,
    changed.is_void,
    served.is_pretest,
    changed.time_taken_ms,
    changed.attempt_number,
    changed.attempt_number = 1 as is_first_attempt,
    changed.session_started_on,
    served.served_at,
    changed.answered_at,
    changed.recorded_at,
    {{ loading_clock() }} as loaded_at
from changed
inner join served
    on changed.quiz_id = served.quiz_id and changed.question_id = served.question_id
left join versions
    on changed.question_id = versions.question_id and changed.version = versions.version
-- by day and exam, which are rebuilt together; within these by user, so that what reads a user's
-- history finds a sitting on a page or two and not on as many as it has answers
order by
    changed.session_started_on, changed.exam_code, changed.user_id, changed.response_id
