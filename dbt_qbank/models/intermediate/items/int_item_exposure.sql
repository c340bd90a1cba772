{{ config(materialized='view') }}

with days as (
    select * from {{ ref('exposure_daily_rates') }}
),

served as (
    select
        days.exam_code,
        days.question_id,
        days.version,
        sum(days.served) as served,
        sum(days.held_back) as held_back,
        coalesce(sum(days.served) filter (where days.day >= {{ window_start() }}), 0)
            as recent_served,
        max(days.day) filter (where days.served > 0) as last_served_on
    from days
    group by days.exam_code, days.question_id, days.version
)

select
    served.exam_code,
    served.question_id,
    served.version,
    cast(served.served as bigint) as served,
    cast(served.held_back as bigint) as held_back,
    cast(served.recent_served as bigint) as recent_served,
    served.last_served_on
from served
