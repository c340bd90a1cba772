{{ config(tags=['nightly_input']) }}
-- what was served by day adds up to what the quizzes that ended that day were served
with days as (
    select distinct
        quizzes.exam_code,
        quizzes.ended_on as day
    from {{ ref('fact_sessions') }} as quizzes
    where quizzes.ended_on is not null and quizzes.{{ recently_loaded(ref('fact_sessions')) }}
),

by_item as (
    select
        rates.exam_code,
        rates.day,
        sum(rates.served) as served,
        max(rates.sessions) as sessions
    from days
    inner join {{ ref('exposure_daily_rates') }} as rates
        on days.exam_code = rates.exam_code and days.day = rates.day
    group by rates.exam_code, rates.day
),

by_session as (
    select
        quizzes.exam_code,
        quizzes.ended_on as day,
        sum(quizzes.served) as served,
        count(*) as sessions
    from days
    inner join {{ ref('fact_sessions') }} as quizzes
        on days.exam_code = quizzes.exam_code and days.day = quizzes.ended_on
    group by quizzes.exam_code, quizzes.ended_on
)

select
    by_session.exam_code,
    by_session.day
from by_session
left join by_item
    on by_session.exam_code = by_item.exam_code and by_session.day = by_item.day
where
    by_session.served <> coalesce(by_item.served, 0)
    or by_item.sessions <> by_session.sessions
