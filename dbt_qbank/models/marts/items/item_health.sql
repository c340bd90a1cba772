{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['exam_code', 'question_id', 'version'], 'unique': true},
            {'columns': ['question_id', 'version']},
        ],
        post_hook="{{ note_flags() }}",
    )
}}

{%- set discrimination_z -%}
({{ var('flag_min_discrimination') }} - rated.a) / nullif(rated.se_a, 0)
{%- endset -%}
{%- set correlation_z -%}
(({{ fisher_z(var('flag_min_point_biserial')) }}) - ({{ fisher_z('rated.r_point_biserial') }}))
* sqrt(greatest(rated.rest_responses - 3, 0))
{%- endset -%}
{%- set key_z -%}
(rated.most_chosen_distractor_responses - rated.key_responses)
/ sqrt(nullif(rated.key_responses + rated.most_chosen_distractor_responses, 0))
{%- endset -%}
{%- set rate = var('flag_false_discovery_rate') -%}
{%- set easy = var('flag_easy_p_value') -%}
{%- set hard = '(1 - ' ~ var('flag_hard_p_value') ~ ')' -%}
{%- set cap = 'least(1, rated.certified_tau * (1 + ' ~ var('flag_over_exposure_margin') ~ '))' -%}
{%- set tested_flags = [
    'low_discrimination', 'suspect_key', 'drifted', 'too_easy', 'too_hard', 'over_exposed',
] %}

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
        statistics.mean_score_share,
        statistics.r_point_biserial,
        statistics.rest_responses,
        statistics.p_value_shift,
        statistics.p_value_shift_z,
        drift.residual as drift,
        drift.residual_se as drift_se,
        coalesce(drift.responses, 0) as drift_responses,
        times.median_time_ms,
        times.p90_time_ms,
        coalesce(options.option_shares, '{}') as option_shares,
        coalesce(options.rare_distractors, '{}') as dead_distractors,
        options.key_responses,
        options.most_chosen_distractor_responses,
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
        coalesce(prediction.tau, exams.tau) as certified_tau,
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
    left join {{ ref('int_item_drift') }} as drift
        on
            members.exam_code = drift.exam_code
            and members.question_id = drift.question_id
            and members.version = drift.version
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

-- the probability that chance makes an item look like this or worse, if all were well
probable as (
    select
        rated.*,
        -- calibrated discrimination says more than the item-rest correlation, where it is there
        -- with its error; that of a 1PL is all items'
        case
            when rated.se_a > 0 and rated.irt_model <> '1pl'
                then {{ normal_tail(discrimination_z) }}
            when rated.is_rated
                then {{ normal_tail(correlation_z) }}
        end as low_discrimination_p,
        -- a distractor draws more than the key: what is counted is which of the two was chosen
        case
            when rated.is_rated
                then {{ normal_tail(key_z) }}
        end as suspect_key_p,
        case
            when rated.drift_responses >= {{ var('flag_drift_min_responses') }}
                then 2 * ({{ normal_tail("abs(rated.drift) / nullif(rated.drift_se, 0)") }})
        end as drifted_p,
        case
            when rated.is_rated
                then {{ share_above('rated.p_value', 'rated.first_attempts', easy) }}
        end as too_easy_p,
        case
            when rated.is_rated
                then {{ share_above('1 - rated.p_value', 'rated.first_attempts', hard) }}
        end as too_hard_p,
        -- on the days of the control in force, in the quizzes that it decides, and beyond what its
        -- search leaves open
        case
            when rated.observed_sessions >= {{ var('flag_min_responses') }}
                then {{ share_above(
                    'rated.observed_exposure_rate', 'rated.observed_sessions', cap
                ) }}
        end as over_exposed_p
    from rated
),

tested as (
    {% for flag in tested_flags %}
    {% if not loop.first %}
    union all
    {% endif %}
    select
        probable.exam_code,
        probable.question_id,
        probable.version,
        probable.is_live,
        '{{ flag }}' as flag,
        probable.{{ flag }}_p as p
    from probable
    where probable.{{ flag }}_p is not null
    {% endfor %}
),

-- with a bank of hundreds, some item always looks bad by chance: a family is all items of an exam
scaled as (
    select
        tested.*,
        {{ scaled_p('tested.p', 'tested.exam_code, tested.is_live, tested.flag') }} as scaled_p
    from tested
),

adjusted as (
    select
        scaled.*,
        {{ adjusted_p('scaled', 'scaled.exam_code, scaled.is_live, scaled.flag') }} as q
    from scaled
),

findings as (
    select
        {% for flag in tested_flags %}
        max(adjusted.q) filter (where adjusted.flag = '{{ flag }}') as {{ flag }}_q,
        {% endfor %}
        adjusted.exam_code,
        adjusted.question_id,
        adjusted.version
    from adjusted
    group by adjusted.exam_code, adjusted.question_id, adjusted.version
),

significant as (
    select
        {% for flag in tested_flags %}
        findings.{{ flag }}_q,
        coalesce(findings.{{ flag }}_q <= {{ rate }}, false) as {{ flag }},
        {% endfor %}
        rated.*
    from rated
    left join findings
        on
            rated.exam_code = findings.exam_code
            and rated.question_id = findings.question_id
            and rated.version = findings.version
),

flagged as (
    select
        rated.*,
        rated.low_discrimination as is_low_discrimination,
        -- an item may be hard, and its distractor drawing, by right: then the parameters say so
        rated.suspect_key
        and (
            rated.low_discrimination
            or (rated.drifted and rated.drift <= -{{ var('flag_drift_residual') }})
        ) as has_suspect_key,
        rated.too_easy as is_too_easy,
        rated.too_hard as is_too_hard,
        rated.over_exposed as is_over_exposed,
        -- as sure as may be, a little drift is none
        rated.drifted and abs(rated.drift) >= {{ var('flag_drift_residual') }} as is_drifted,
        rated.is_live
        and rated.sessions_28d >= {{ var('flag_min_responses') }}
        and rated.served_28d = 0 as is_unused,
        cardinality(rated.dead_distractors) > 0 as has_dead_distractor
    from significant as rated
),

-- what the flags that an item bears say to people, the most urgent first
meanings as (
    {{ flag_meanings() }}
),

-- an item's columns by name, once (`offset 0`) and not again for each flag
named as (
    select
        flagged.exam_code,
        flagged.question_id,
        flagged.version,
        to_jsonb(flagged) as columns
    from flagged
    offset 0
),

said as (
    select
        named.exam_code,
        named.question_id,
        named.version,
        -- notes describe an item, they ask nobody to do something
        cast(count(*) filter (where meanings.severity <> 'note') as integer) as flag_count,
        array_agg(meanings.label order by meanings.urgency) as flags,
        (array_agg(meanings.severity order by meanings.urgency))[1] as severity,
        (array_agg(meanings.what_to_do order by meanings.urgency))[1] as what_to_do
    from named
    inner join meanings on named.columns -> meanings.flag = 'true'
    group by named.exam_code, named.question_id, named.version
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
    flagged.certified_tau,
    flagged.drift,
    flagged.drift_se,
    flagged.drift_responses,
    flagged.mean_score_share,
    {% for flag in tested_flags %}
    flagged.{{ flag }}_q,
    {% endfor %}
    flagged.is_low_discrimination,
    flagged.has_suspect_key,
    flagged.is_too_easy,
    flagged.is_too_hard,
    flagged.is_over_exposed,
    flagged.is_unused,
    flagged.is_drifted,
    flagged.has_dead_distractor,
    coalesce(said.flag_count, 0) as flag_count,
    coalesce(said.flags, '{}') as flags,
    said.severity,
    said.what_to_do
from flagged
left join said
    on
        flagged.exam_code = said.exam_code
        and flagged.question_id = said.question_id
        and flagged.version = said.version
