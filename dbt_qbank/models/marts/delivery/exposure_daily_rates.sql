{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['day', 'exam_code'],
        on_schema_change='fail',
        pre_hook="{{ lock_this() }}",
        indexes=[
            {'columns': ['exam_code', 'day']},
            {'columns': ['exam_code', 'question_id', 'version', 'day']},
            {'columns': ['loaded_at']},
        ],
    )
}}

with all_sessions as not materialized (
    select * from {{ ref('fact_sessions') }}
),

{% if is_incremental() %}

touched as (
    select distinct
        all_sessions.ended_on,
        all_sessions.exam_code
    from all_sessions
    where all_sessions.ended_on is not null and {{ written_since('all_sessions') }}
),

sessions as (
    {{ rows_of_touched('all_sessions', ['ended_on', 'exam_code']) }}
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
        count(*) as sessions,
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
        held.question_id
    from steps
    cross join lateral unnest(steps.held_back_question_ids) as held (question_id)
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
    left join steps as given
        on
            held_back_items.quiz_id = given.quiz_id
            and held_back_items.question_id = given.question_id
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

live_versions as (
    select
        publications.exam_code,
        publications.question_id,
        max(publications.live_version) as version,
        {{ utc_date('max(publications.published_at)') }} as published_on
    from {{ ref('stg_question_publications') }} as publications
    group by publications.exam_code, publications.question_id
),

-- a hold-back is logged by question: its version is the newest served that day in that exam,
-- else the one that is live, or the one before it on days before it went live
held_back_versions as (
    select
        held_back.*,
        coalesce(
            served_versions.version,
            max(versions.version) filter (
                where
                versions.version < live_versions.version
                and held_back.ended_on < live_versions.published_on
            ),
            live_versions.version,
            max(versions.version)
        ) as version
    from held_back
    inner join {{ ref('stg_question_versions') }} as versions
        on held_back.question_id = versions.question_id
    left join served_versions
        on
            held_back.exam_code = served_versions.exam_code
            and held_back.ended_on = served_versions.ended_on
            and held_back.question_id = served_versions.question_id
    left join live_versions
        on
            held_back.exam_code = live_versions.exam_code
            and held_back.question_id = live_versions.question_id
    group by
        held_back.exam_code, held_back.ended_on, held_back.question_id, held_back.held_back,
        held_back.only_held_back, held_back.controlled_held_back,
        served_versions.version, live_versions.version, live_versions.published_on
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
