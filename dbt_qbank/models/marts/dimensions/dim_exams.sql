{{ config(materialized='table', indexes=[{'columns': ['exam_code'], 'unique': true}]) }}

with exams as (
    select * from {{ ref('stg_exams') }}
),

published as (
    select
        publications.exam_code,
        count(*) as published_items
    from {{ ref('stg_question_publications') }} as publications
    inner join {{ ref('stg_questions') }} as questions
        on publications.question_id = questions.question_id
    where not questions.is_deleted
    group by publications.exam_code
),

activity as (
    select
        days.exam_code,
        sum(days.sessions_ended) as sessions_ended,
        sum(days.responses) as responses,
        min(days.day) as first_day,
        max(days.day) as last_day
    from {{ ref('exam_daily_activity') }} as days
    group by days.exam_code
)

select
    exams.exam_code,
    exams.tenant_id,
    exams.title,
    exams.irt_model,
    exams.tau,
    exams.test_length,
    coalesce(exams.policy ->> 'unanswered', 'missing') as unanswered_policy,
    coalesce(published.published_items, 0) as published_items,
    cast(coalesce(activity.sessions_ended, 0) as bigint) as sessions_ended,
    cast(coalesce(activity.responses, 0) as bigint) as responses,
    activity.first_day,
    activity.last_day
from exams
left join published on exams.exam_code = published.exam_code
left join activity on exams.exam_code = activity.exam_code
