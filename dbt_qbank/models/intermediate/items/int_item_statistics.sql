{{ config(materialized='view') }}

with days as (
    select * from {{ ref('int_item_days') }}
),

totals as (
    select
        days.exam_code,
        days.question_id,
        days.version,
        sum(days.attempts) as attempts,
        sum(days.first_attempts) as first_attempts,
        sum(days.first_correct) as first_correct,
        sum(days.first_share) as first_share,
        sum(days.first_attempts) filter (where days.session_started_on >= {{ window_start() }})
            as recent_n,
        coalesce(
            sum(days.first_correct) filter (where days.session_started_on >= {{ window_start() }}),
            0
        ) as recent_correct,
        sum(days.rest_n) as n,
        sum(days.rest_sum_score) as sum_x,
        sum(days.rest_sum) as sum_y,
        sum(days.rest_sum_squares) as sum_yy,
        sum(days.rest_sum_products) as sum_xy
    from days
    group by days.exam_code, days.question_id, days.version
),

shares as (
    select
        totals.*,
        {{ ratio('totals.first_correct', 'totals.first_attempts') }} as p_value,
        {{ ratio('totals.recent_correct', 'totals.recent_n') }} as recent_p_value,
        {{ ratio('totals.first_correct - totals.recent_correct',
                 'totals.first_attempts - totals.recent_n') }} as earlier_p_value,
        totals.first_attempts - totals.recent_n as earlier_n,
        totals.n * totals.sum_x - totals.sum_x * totals.sum_x as spread_x,
        totals.n * totals.sum_yy - totals.sum_y * totals.sum_y as spread_y
    from totals
)

select
    shares.exam_code,
    shares.question_id,
    shares.version,
    cast(shares.attempts as bigint) as attempts,
    cast(shares.first_attempts as bigint) as first_attempts,
    shares.p_value,
    {{ ratio('shares.first_share', 'shares.first_attempts') }} as mean_score_share,
    cast(shares.n as bigint) as rest_responses,
    -- Pearson's correlation from sums; null where the item or the rest scores do not vary
    case
        when shares.spread_x > 0 and shares.spread_y > 1e-9 * shares.n * shares.n
            then greatest(-1, least(
                1,
                (shares.n * shares.sum_xy - shares.sum_x * shares.sum_y)
                / (sqrt(shares.spread_x) * sqrt(shares.spread_y))
            ))
    end as r_point_biserial,
    shares.recent_p_value - shares.earlier_p_value as p_value_shift,
    -- two-proportion z with the pooled share
    (shares.recent_p_value - shares.earlier_p_value) / nullif(sqrt(
        shares.p_value * (1 - shares.p_value)
        * (1.0 / nullif(shares.recent_n, 0) + 1.0 / nullif(shares.earlier_n, 0))
    ), 0) as p_value_shift_z
from shares
