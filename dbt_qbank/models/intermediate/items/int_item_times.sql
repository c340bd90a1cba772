{{ config(materialized='view') }}

-- arrays are opened in the select list, which takes half as long as in a lateral join
with opened as (
    select
        months.exam_code,
        months.question_id,
        months.version,
        unnest(months.time_bins) as time_bin,
        unnest(months.responses_by_bin) as responses
    from {{ ref('int_item_time_months') }} as months
),

bins as (
    select
        opened.exam_code,
        opened.question_id,
        opened.version,
        opened.time_bin,
        sum(opened.responses) as responses
    from opened
    group by opened.exam_code, opened.question_id, opened.version, opened.time_bin
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
