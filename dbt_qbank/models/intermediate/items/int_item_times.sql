{{ config(materialized='view') }}

with bins as (
    select
        months.exam_code,
        months.question_id,
        months.version,
        counts.time_bin,
        sum(counts.responses) as responses
    from {{ ref('int_item_time_months') }} as months
    cross join
        lateral unnest(months.time_bins, months.responses_by_bin) as counts (time_bin, responses)
    group by months.exam_code, months.question_id, months.version, counts.time_bin
),

cumulated as (
    select
        bins.*,
        sum(bins.responses) over (
            partition by bins.exam_code, bins.question_id, bins.version
            order by bins.time_bin
        ) as up_to,
        sum(bins.responses) over (
            partition by bins.exam_code, bins.question_id, bins.version
        ) as total
    from bins
)

-- the first bin that reaches the share holds the quantile; the later ones would extrapolate
select
    {% for name, q in [('median_time_ms', 0.5), ('p90_time_ms', 0.9)] %}
    min({{ time_at(
        q, 'cumulated.time_bin', 'cumulated.responses', 'cumulated.up_to', 'cumulated.total'
    ) }}) filter (
        where cumulated.up_to >= {{ q }} * cumulated.total
        and cumulated.up_to - cumulated.responses < {{ q }} * cumulated.total
    ) as {{ name }},
    {% endfor %}
    cumulated.exam_code,
    cumulated.question_id,
    cumulated.version
from cumulated
group by cumulated.exam_code, cumulated.question_id, cumulated.version
