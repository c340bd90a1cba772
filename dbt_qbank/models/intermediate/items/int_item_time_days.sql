{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='session_started_on',
        on_schema_change='fail',
        pre_hook="{{ lock_this() }}",
        indexes=[{'columns': ['session_started_on']}],
    )
}}

with facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select distinct facts.session_started_on
    from facts
    where {{ written_since('facts') }}
),

responses as (
    select found.*
    from touched
    cross join lateral (
        select facts.*
        from facts
        where facts.session_started_on = touched.session_started_on
        offset 0
    ) as found
)

{% else %}

responses as (
    select * from facts
)

{% endif %}

select
    responses.exam_code,
    responses.question_id,
    responses.version,
    responses.session_started_on,
    {{ time_bin('responses.time_taken_ms') }} as time_bin,
    cast(count(*) as integer) as responses,
    {{ newest_load('facts') }} as loaded_at
from responses
where responses.is_first_attempt and responses.time_taken_ms is not null
group by 1, 2, 3, 4, 5
