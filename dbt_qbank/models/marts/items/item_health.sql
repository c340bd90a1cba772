{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['exam_code', 'question_id', 'version']},
            {'columns': ['question_id', 'version']},
        ],
    )
}}

with exams as (
    select * from {{ ref('stg_exams') }}
),

live as (
    select distinct
        publications.exam_code,
        publications.question_id,
        publications.live_version as version
    from {{ ref('stg_question_publications') }} as publications
    inner join {{ ref('stg_questions') }} as questions
        on publications.question_id = questions.question_id
    where not questions.is_deleted
),

-- everything that is live, was served or was answered in an exam
members as (
    select
        live.exam_code,
        live.question_id,
        live.version
    from live
    union
    select
        served.exam_code,
        served.question_id,
        served.version
    from {{ ref('int_item_exposure') }} as served
    union
    select
        answered.exam_code,
        answered.question_id,
        answered.version
    from {{ ref('int_item_statistics') }} as answered
),

exam_sessions as (
    select
        days.exam_code,
        sum(days.sessions_served) as sessions,
        coalesce(sum(days.sessions_served) filter (where days.day >= {{ window_start() }}), 0)
            as recent_sessions
    from {{ ref('exam_daily_activity') }} as days
    group by days.exam_code
),

joined as (
    select
        exams.tenant_id,
        members.exam_code,
        members.question_id,
        members.version,
        items.topic_id,
        items.difficulty_label,
        live.question_id is not null as is_live,
        coalesce(statistics.attempts, 0) as attempts,
        coalesce(statistics.first_attempts, 0) as first_attempts,
        statistics.p_value,
        statistics.r_point_biserial,
        statistics.p_value_shift,
        statistics.p_value_shift_z,
        times.median_time_ms,
        times.p90_time_ms,
        coalesce(options.option_shares, '{}') as option_shares,
        case
            when options.responses >= {{ var('flag_min_responses') }}
                then options.rare_distractors
            else '{}'
        end as dead_distractors,
        coalesce(exposure.served, 0) as served,
        coalesce(exposure.held_back, 0) as held_back,
        cast(coalesce(exam_sessions.sessions, 0) as bigint) as sessions,
        coalesce(exposure.recent_served, 0) as served_28d,
        cast(coalesce(exam_sessions.recent_sessions, 0) as bigint) as sessions_28d,
        exposure.last_served_on,
        prediction.predicted_rate as predicted_exposure_rate,
        prediction.sessions as observed_sessions,
        {{ ratio('prediction.served', 'prediction.sessions') }} as observed_exposure_rate,
        exams.tau,
        control.sh_p,
        coalesce(control.is_pinned, false) as is_pinned,
        parameters.irt_model,
        parameters.a,
        parameters.b,
        parameters.c,
        parameters.se_a,
        parameters.se_b,
        parameters.se_c,
        parameters.n_respondents,
        parameters.fitted_at
    from members
    inner join exams on members.exam_code = exams.exam_code
    left join live
        on
            members.exam_code = live.exam_code
            and members.question_id = live.question_id
            and members.version = live.version
    left join {{ ref('stg_question_versions') }} as items
        on members.question_id = items.question_id and members.version = items.version
    left join {{ ref('int_item_statistics') }} as statistics
        on
            members.exam_code = statistics.exam_code
            and members.question_id = statistics.question_id
            and members.version = statistics.version
    left join {{ ref('int_item_times') }} as times
        on
            members.exam_code = times.exam_code
            and members.question_id = times.question_id
            and members.version = times.version
    left join {{ ref('int_item_options') }} as options
        on
            members.exam_code = options.exam_code
            and members.question_id = options.question_id
            and members.version = options.version
    left join {{ ref('int_item_exposure') }} as exposure
        on
            members.exam_code = exposure.exam_code
            and members.question_id = exposure.question_id
            and members.version = exposure.version
    left join {{ ref('int_item_prediction') }} as prediction
        on
            members.exam_code = prediction.exam_code
            and members.question_id = prediction.question_id
            and members.version = prediction.version
    left join exam_sessions on members.exam_code = exam_sessions.exam_code
    left join {{ ref('stg_item_exposure_control') }} as control
        on
            members.exam_code = control.exam_code
            and members.question_id = control.question_id
            and members.version = control.version
    -- the model that the exam is calibrated with; parameters of another model are not comparable
    left join {{ ref('stg_item_calibration') }} as parameters
        on
            members.exam_code = parameters.exam_code
            and members.question_id = parameters.question_id
            and members.version = parameters.version
            and exams.irt_model = parameters.irt_model
),

rated as (
    select
        joined.*,
        {{ ratio('joined.served', 'joined.sessions') }} as exposure_rate,
        {{ wilson('lower', 'joined.served', 'joined.sessions') }} as exposure_rate_lower,
        {{ wilson('upper', 'joined.served', 'joined.sessions') }} as exposure_rate_upper,
        {{ ratio('joined.served_28d', 'joined.sessions_28d') }} as exposure_rate_28d,
        {{ wilson('lower', 'joined.served_28d', 'joined.sessions_28d') }}
            as exposure_rate_28d_lower,
        {{ wilson('upper', 'joined.served_28d', 'joined.sessions_28d') }}
            as exposure_rate_28d_upper,
        joined.first_attempts >= {{ var('flag_min_responses') }} as is_rated
    from joined
),

flagged as (
    select
        rated.*,
        -- calibrated discrimination says more than the item-rest correlation, where it is there
        coalesce(
            case
                when rated.a is not null then rated.a < {{ var('flag_min_discrimination') }}
                when rated.is_rated
                    then rated.r_point_biserial < {{ var('flag_min_point_biserial') }}
            end, false
        ) as is_low_discrimination,
        coalesce(rated.is_rated and rated.p_value > {{ var('flag_easy_p_value') }}, false)
            as is_too_easy,
        coalesce(rated.is_rated and rated.p_value < {{ var('flag_hard_p_value') }}, false)
            as is_too_hard,
        -- the interval's lower end: noise in few sessions does not accuse an item
        coalesce(rated.exposure_rate_28d_lower > rated.tau, false) as is_over_exposed,
        rated.is_live and rated.sessions_28d > 0 and rated.served_28d = 0 as is_unused,
        coalesce(
            rated.is_rated
            and abs(rated.p_value_shift_z) > {{ var('flag_drift_z') }}
            and abs(rated.p_value_shift) > {{ var('flag_drift_p_value') }}, false
        ) as is_drifted,
        cardinality(rated.dead_distractors) > 0 as has_dead_distractor
    from rated
)

select
    flagged.tenant_id,
    flagged.exam_code,
    flagged.question_id,
    flagged.version,
    flagged.topic_id,
    flagged.difficulty_label,
    flagged.is_live,
    flagged.attempts,
    flagged.first_attempts,
    flagged.p_value,
    flagged.r_point_biserial,
    flagged.median_time_ms,
    flagged.p90_time_ms,
    flagged.option_shares,
    flagged.dead_distractors,
    flagged.served,
    flagged.held_back,
    flagged.sessions,
    flagged.exposure_rate,
    flagged.exposure_rate_lower,
    flagged.exposure_rate_upper,
    flagged.served_28d,
    flagged.sessions_28d,
    flagged.exposure_rate_28d,
    flagged.exposure_rate_28d_lower,
    flagged.exposure_rate_28d_upper,
    flagged.last_served_on,
    flagged.predicted_exposure_rate,
    flagged.observed_sessions,
    flagged.observed_exposure_rate,
    flagged.tau,
    flagged.sh_p,
    flagged.is_pinned,
    flagged.irt_model,
    flagged.a,
    flagged.b,
    flagged.c,
    flagged.se_a,
    flagged.se_b,
    flagged.se_c,
    flagged.n_respondents,
    flagged.fitted_at,
    flagged.p_value_shift,
    flagged.p_value_shift_z,
    flagged.is_low_discrimination,
    flagged.is_too_easy,
    flagged.is_too_hard,
    flagged.is_over_exposed,
    flagged.is_unused,
    flagged.is_drifted,
    flagged.has_dead_distractor,
    (
        cast(flagged.is_low_discrimination as integer) + cast(flagged.is_too_easy as integer)
        + cast(flagged.is_too_hard as integer) + cast(flagged.is_over_exposed as integer)
        + cast(flagged.is_unused as integer) + cast(flagged.is_drifted as integer)
        + cast(flagged.has_dead_distractor as integer)
    ) as flag_count
from flagged
