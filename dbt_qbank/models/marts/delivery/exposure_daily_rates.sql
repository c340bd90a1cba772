{%- set touches = {
    'fact': 'fact_sessions',
    'keys': ['day', 'exam_code'],
    'by': [
        ["rows_of_fact.ended_on", "rows_of_fact.exam_code"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['day', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=[
            "{{ end_reading() }}",
            "{{ unique_key_with(['exam_code', 'question_id', 'version', 'day']) }}",
        ],
        indexes=[
            {'columns': ['exam_code', 'day']},
            {'columns': ['loaded_at']},
        ],
    )
}}

with all_sessions as not materialized (
    select * from {{ ref('fact_sessions') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

touched_days as (
    select
        touched.day as ended_on,
        touched.exam_code
    from touched
),

sessions as (
    {{ rows_of_touched('all_sessions', ['ended_on', 'exam_code'], touched='touched_days') }}
),

{% else %}

sessions as (
    select all_sessions.*
    from all_sessions
    where all_sessions.ended_on is not null
),

{% endif %}

exam_days as (
    select
        sessions.tenant_id,
        sessions.exam_code,
        sessions.ended_on,
        count(*) filter (where {{ counts_for_exposure('sessions') }}) as sessions,
        count(*) filter (where {{ is_controlled('sessions') }}) as controlled_sessions
    from sessions
    group by sessions.tenant_id, sessions.exam_code, sessions.ended_on
),

steps as (
    select
        sessions.exam_code,
        sessions.ended_on,
        {{ is_controlled('sessions') }} as is_controlled,
        items.*
    from sessions
    inner join {{ looked_up(ref('stg_quiz_items'), 'sessions', ['quiz_id']) }} as items on true
    where {{ counts_for_exposure('sessions') }} and {{ is_operational('items') }}
),

served as (
    select
        steps.exam_code,
        steps.ended_on,
        steps.question_id,
        steps.version,
        count(*) as served,
        count(*) filter (where steps.is_forced) as forced,
        count(*) filter (where steps.is_controlled) as controlled_served
    from steps
    group by steps.exam_code, steps.ended_on, steps.question_id, steps.version
),

held_back_items as (
    select distinct
        steps.exam_code,
        steps.ended_on,
        steps.quiz_id,
        steps.is_controlled,
        unnest(steps.held_back_question_ids) as question_id
    from steps
    where cardinality(steps.held_back_question_ids) > 0
),

-- an item is held back for the rest of a quiz, so it was selected in it once, unless it was
-- given all the same when nothing else was left
held_back as (
    select
        held_back_items.exam_code,
        held_back_items.ended_on,
        held_back_items.question_id,
        count(*) as held_back,
        count(*) filter (where given.quiz_id is null) as only_held_back,
        count(*) filter (where held_back_items.is_controlled) as controlled_held_back
    from held_back_items
    left join {{ looked_up(
        ref('stg_quiz_items'), 'held_back_items', ['quiz_id', 'question_id'], ['quiz_id']
    ) }} as given on true
    group by held_back_items.exam_code, held_back_items.ended_on, held_back_items.question_id
),

served_versions as (
    select
        served.exam_code,
        served.ended_on,
        served.question_id,
        max(served.version) as version
    from served
    group by served.exam_code, served.ended_on, served.question_id
),

-- a hold-back is logged by question. Its version must not move with what is published later, or the
-- days of the past would: it is the newest served that day in that exam, else the one that was
-- live when the day began, else the first that ever was, else the first
held_back_versions as (
    select
        held_back.*,
        coalesce(served_versions.version, live.version, first_live.version, 1) as version
    from held_back
    left join served_versions
        on
            held_back.exam_code = served_versions.exam_code
            and held_back.ended_on = served_versions.ended_on
            and held_back.question_id = served_versions.question_id
    left join lateral (
        select publications.version
        from {{ ref('stg_question_publication_history') }} as publications
        where
            publications.exam_code = held_back.exam_code
            and publications.question_id = held_back.question_id
            and {{ utc_date('publications.published_at') }} < held_back.ended_on
        order by publications.published_at desc, publications.publication_id desc
        limit 1
    ) as live on served_versions.version is null
    left join lateral (
        select publications.version
        from {{ ref('stg_question_publication_history') }} as publications
        where
            publications.exam_code = held_back.exam_code
            and publications.question_id = held_back.question_id
        order by publications.published_at asc, publications.publication_id asc
        limit 1
    ) as first_live on live.version is null and served_versions.version is null
),

counted as (
    select
        coalesce(served.exam_code, held.exam_code) as exam_code,
        coalesce(served.ended_on, held.ended_on) as day,
        coalesce(served.question_id, held.question_id) as question_id,
        coalesce(served.version, held.version) as version,
        coalesce(served.served, 0) as served,
        coalesce(served.forced, 0) as forced,
        coalesce(held.held_back, 0) as held_back,
        coalesce(held.only_held_back, 0) as only_held_back,
        coalesce(served.controlled_served, 0) as controlled_served,
        coalesce(held.controlled_held_back, 0) as controlled_held_back
    from served
    full outer join held_back_versions as held
        on
            served.exam_code = held.exam_code
            and served.ended_on = held.ended_on
            and served.question_id = held.question_id
            and served.version = held.version
)

select
    exam_days.tenant_id,
    counted.exam_code,
    counted.question_id,
    counted.version,
    counted.day,
    exam_days.sessions,
    counted.served,
    counted.held_back,
    counted.forced,
    counted.served + counted.only_held_back as selected,
    {{ ratio('counted.served', 'exam_days.sessions') }} as exposure_rate,
    {{ wilson('lower', 'counted.served', 'exam_days.sessions') }} as exposure_rate_lower,
    {{ wilson('upper', 'counted.served', 'exam_days.sessions') }} as exposure_rate_upper,
    {{ ratio('counted.served + counted.only_held_back', 'exam_days.sessions') }}
        as selection_rate,
    exam_days.controlled_sessions,
    counted.controlled_served,
    counted.controlled_held_back,
    {{ newest_load(ref('fact_sessions')) }} as loaded_at
from counted
inner join exam_days
    on counted.exam_code = exam_days.exam_code and counted.day = exam_days.ended_on
