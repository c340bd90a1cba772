{{ config(materialized='view') }}

with bins as (
    select
        days.exam_code,
        days.question_id,
        days.version,
        days.ability_bin,
        sum(days.responses) as n,
        sum(days.correct) as correct,
        sum(days.theta_sum) as sum_theta,
        sum(days.theta_sum_squares) as sum_squares
    from {{ ref('int_item_ability_days') }} as days
    where days.session_started_on >= {{ window_start() }}
    group by days.exam_code, days.question_id, days.version, days.ability_bin
),

placed as (
    select
        bins.*,
        bins.sum_theta / bins.n as mean_theta,
        greatest(bins.sum_squares / bins.n - power(bins.sum_theta / bins.n, 2), 0)
            as variance_theta
    from bins
),

expected as (
    select
        placed.*,
        parameters.a,
        coalesce(parameters.c, 0) as c,
        {{ expected_score('placed.mean_theta', 'placed.variance_theta', 'parameters') }}
            as expected_share
    from placed
    inner join {{ ref('stg_exams') }} as exams on placed.exam_code = exams.exam_code
    inner join {{ ref('stg_item_calibration') }} as parameters
        on
            placed.exam_code = parameters.exam_code
            and placed.question_id = parameters.question_id
            and placed.version = parameters.version
            and exams.irt_model = parameters.irt_model
),

-- how the expected share rises with a logit of mean ability
sloped as (
    select
        expected.*,
        expected.correct - expected.n * expected.expected_share as above,
        expected.n * expected.expected_share * (1 - expected.expected_share) as spread,
        expected.n * 1.7 * expected.a
        * (expected.expected_share - expected.c) * (1 - expected.expected_share)
        / ((1 - expected.c) * sqrt(1 + power(expected.a, 2) * expected.variance_theta)) as slope
    from expected
),

-- what the exam's other items say of the people in the bin
others as (
    select
        sloped.*,
        sum(sloped.above) over bin - sloped.above as others_above,
        sum(sloped.spread) over bin - sloped.spread as others_spread,
        sum(sloped.slope) over bin - sloped.slope as others_slope
    from sloped
    window bin as (partition by sloped.exam_code, sloped.ability_bin)
),

-- an estimate leans towards the population that it began with, most of all early in a quiz: that
-- a cohort is abler shows on all items alike. One step of Newton's method puts it right; where no
-- other item was met, the people cannot be told from the item
centred as (
    select
        others.*,
        others.others_spread / power(others.others_slope, 2) as shift_variance,
        greatest(0.001, least(
            0.999,
            others.expected_share
            + others.slope / others.n
            * greatest(-1, least(1, others.others_above / others.others_slope))
        )) as p
    from others
    where others.others_slope > 1e-9
),

totals as (
    select
        centred.exam_code,
        centred.question_id,
        centred.version,
        sum(centred.n) as n,
        sum(centred.correct - centred.n * centred.p) as residual,
        -- what the model says the residuals vary by, or what they do where that is more; and how
        -- well the others tell
        greatest(
            sum(centred.n * centred.p * (1 - centred.p)),
            sum(
                centred.correct * power(1 - centred.p, 2)
                + (centred.n - centred.correct) * power(centred.p, 2)
            )
        ) + sum(power(centred.slope, 2) * centred.shift_variance) as variance
    from centred
    group by centred.exam_code, centred.question_id, centred.version
)

select
    totals.exam_code,
    totals.question_id,
    totals.version,
    cast(totals.n as bigint) as responses,
    totals.residual / totals.n as residual,
    sqrt(totals.variance) / totals.n as residual_se
from totals
