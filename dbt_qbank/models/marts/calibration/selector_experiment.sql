{{
    config(
        materialized='table',
        indexes=[{'columns': ['exam_code', 'cohort_key', 'cohort_value'], 'unique': true}],
    )
}}

with days as (
    select
        cohort_days.*,
        sum(cohort_days.sessions) over (
            partition by cohort_days.exam_code, cohort_days.cohort_key, cohort_days.cohort_value
        ) as sessions_of_cohort
    from {{ ref('int_cohort_days') }} as cohort_days
),

item_days as not materialized (
    select * from {{ ref('int_cohort_item_days') }}
),

cohorts as (
    select
        days.exam_code,
        days.cohort_key,
        days.cohort_value,
        {% for column in [
            'sessions', 'sessions_finished', 'served',
            'accuracy_n', 'accuracy_sum', 'accuracy_squares',
            'se_n', 'se_sum', 'se_squares',
            'time_n', 'time_sum', 'time_squares',
        ] %}
        cast(sum(days.{{ column }}) as double precision) as {{ column }},
        {% endfor %}
        max(days.tenant_id) as tenant_id,
        min(days.ended_on) as first_day,
        max(days.ended_on) as last_day
    from days
    group by days.exam_code, days.cohort_key, days.cohort_value
),

-- an item's days beside its total: the jackknife goes through them again, and a join of all days
-- with the totals by five columns would be sorted on disk
items as materialized (
    select
        item_days.exam_code,
        item_days.cohort_key,
        item_days.cohort_value,
        item_days.question_id,
        item_days.version,
        cast(sum(item_days.served) as double precision) as served,
        array_agg(item_days.ended_on) as days,
        array_agg(item_days.served) as served_by_day
    from item_days
    group by
        item_days.exam_code, item_days.cohort_key, item_days.cohort_value,
        item_days.question_id, item_days.version
),

weighed as (
    select
        items.*,
        sum(items.served) over cohort as total,
        sum(items.served * items.served) over cohort as squares
    from items
    window cohort as (partition by items.exam_code, items.cohort_key, items.cohort_value)
),

exposures as (
    select
        weighed.exam_code,
        weighed.cohort_key,
        weighed.cohort_value,
        count(*) as items_served,
        max(weighed.served) as most_served,
        max(weighed.total) as total,
        max(weighed.squares) as squares
    from weighed
    group by weighed.exam_code, weighed.cohort_key, weighed.cohort_value
),

-- arrays are opened in the select list, which takes less than a lateral join
opened as (
    select
        weighed.exam_code,
        weighed.cohort_key,
        weighed.cohort_value,
        weighed.served,
        weighed.total,
        weighed.squares,
        unnest(weighed.days) as ended_on,
        unnest(weighed.served_by_day) as served_on_day
    from weighed
),

-- what the sums would be without one day
without_day as (
    select
        opened.exam_code,
        opened.cohort_key,
        opened.cohort_value,
        opened.ended_on,
        max(opened.total) - sum(opened.served_on_day) as total,
        max(opened.squares)
        - sum((2 * opened.served - opened.served_on_day) * opened.served_on_day) as squares
    from opened
    group by opened.exam_code, opened.cohort_key, opened.cohort_value, opened.ended_on
),

replicates as (
    select
        without_day.exam_code,
        without_day.cohort_key,
        without_day.cohort_value,
        (without_day.squares - without_day.total)
        / nullif(
            (days.sessions_of_cohort - days.sessions - 1) * without_day.total, 0
        ) as overlap
    from without_day
    inner join days
        on
            without_day.exam_code = days.exam_code
            and without_day.cohort_key = days.cohort_key
            and without_day.cohort_value = days.cohort_value
            and without_day.ended_on = days.ended_on
),

-- delete-a-day jackknife (Quenouille 1956, Tukey 1958): sessions of one day may resemble each
-- other, so whole days are left out; fewer than five days give no interval
jackknife as materialized (
    select
        replicates.exam_code,
        replicates.cohort_key,
        replicates.cohort_value,
        case
            when count(replicates.overlap) >= 5
                then
                    sqrt(cast(count(replicates.overlap) - 1 as double precision))
                    * stddev_pop(replicates.overlap)
        end as overlap_se
    from replicates
    group by replicates.exam_code, replicates.cohort_key, replicates.cohort_value
),

estimated as (
    select
        cohorts.*,
        exposures.items_served,
        exposures.most_served,
        exposures.most_served / cohorts.sessions as max_exposure,
        -- Σc(c−1) / (N(N−1)L), where NL = Σc: the share of items two examinees have in common
        (exposures.squares - exposures.total)
        / nullif((cohorts.sessions - 1) * exposures.total, 0) as overlap,
        {% for name, sums in [
            ('mean_theta_se', 'se'), ('mean_accuracy', 'accuracy'), ('mean_time_ms', 'time'),
        ] %}
        cohorts.{{ sums }}_sum / nullif(cohorts.{{ sums }}_n, 0) as {{ name }},
        {{ standard_error(
            'cohorts.' ~ sums ~ '_n', 'cohorts.' ~ sums ~ '_sum', 'cohorts.' ~ sums ~ '_squares'
        ) }} as {{ name }}_error,
        {% endfor %}
        jackknife.overlap_se
    from cohorts
    inner join exposures
        on
            cohorts.exam_code = exposures.exam_code
            and cohorts.cohort_key = exposures.cohort_key
            and cohorts.cohort_value = exposures.cohort_value
    left join jackknife
        on
            cohorts.exam_code = jackknife.exam_code
            and cohorts.cohort_key = jackknife.cohort_key
            and cohorts.cohort_value = jackknife.cohort_value
)

select
    estimated.tenant_id,
    estimated.exam_code,
    estimated.cohort_key,
    estimated.cohort_value,
    cast(estimated.sessions as bigint) as sessions,
    cast(estimated.sessions_finished as bigint) as sessions_finished,
    estimated.served / estimated.sessions as mean_test_length,
    estimated.items_served,
    estimated.max_exposure,
    {{ wilson('lower', 'estimated.most_served', 'estimated.sessions') }} as max_exposure_lower,
    {{ wilson('upper', 'estimated.most_served', 'estimated.sessions') }} as max_exposure_upper,
    estimated.overlap,
    estimated.overlap - {{ z_95() }} * estimated.overlap_se as overlap_lower,
    estimated.overlap + {{ z_95() }} * estimated.overlap_se as overlap_upper,
    {% for name, n in [
        ('mean_theta_se', 'se_n'), ('mean_accuracy', 'accuracy_n'), ('mean_time_ms', 'time_n'),
    ] %}
    estimated.{{ name }},
    estimated.{{ name }} - {{ z_95() }} * estimated.{{ name }}_error as {{ name }}_lower,
    estimated.{{ name }} + {{ z_95() }} * estimated.{{ name }}_error as {{ name }}_upper,
    cast(estimated.{{ n }} as bigint) as {{ name }}_sessions,
    {% endfor %}
    estimated.first_day,
    estimated.last_day
from estimated
