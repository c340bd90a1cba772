{{
    config(
        tags=['nightly_input'],
        meta={'dagster': {'ref': {'name': 'exposure_daily_rates'}}},
    )
}}
-- what was served by day adds up to what the quizzes that ended that day, and count, were served; a
-- day without quizzes that is there all the same is as wrong as one that is missing
with days as (
    select distinct
        quizzes.exam_code,
        quizzes.ended_on as day
    from {{ ref('fact_sessions') }} as quizzes
    where quizzes.ended_on is not null and quizzes.{{ recently_loaded(ref('fact_sessions')) }}
    union
    select
        rates.exam_code,
        rates.day
    from {{ ref('exposure_daily_rates') }} as rates
    where rates.{{ recently_loaded(ref('exposure_daily_rates')) }}
),

by_item as (
    select
        rates.exam_code,
        rates.day,
        sum(rates.served) as served,
        max(rates.sessions) as sessions
    from days
    inner join {{ looked_up(
        ref('exposure_daily_rates'), 'days', ['exam_code', 'day']
    ) }} as rates on true
    group by rates.exam_code, rates.day
),

by_session as (
    select
        quizzes.exam_code,
        quizzes.ended_on as day,
        sum(quizzes.served - quizzes.pretest_served)
        filter (where {{ counts_for_exposure('quizzes') }}) as served,
        count(*) filter (where {{ counts_for_exposure('quizzes') }}) as sessions
    from days
    inner join lateral (
        select sessions.*
        from {{ ref('fact_sessions') }} as sessions
        where sessions.exam_code = days.exam_code and sessions.ended_on = days.day
        offset 0
    ) as quizzes on true
    group by quizzes.exam_code, quizzes.ended_on
)

select
    coalesce(by_session.exam_code, by_item.exam_code) as exam_code,
    coalesce(by_session.day, by_item.day) as day
from by_session
full outer join by_item
    on by_session.exam_code = by_item.exam_code and by_session.day = by_item.day
where
    coalesce(by_session.served, 0) <> coalesce(by_item.served, 0)
    or by_item.sessions <> coalesce(by_session.sessions, 0)
