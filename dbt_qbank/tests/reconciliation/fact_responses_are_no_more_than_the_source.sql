{{
    config(
        tags=['nightly_input', 'whole_table'],
        meta={'dagster': {'ref': {'name': 'fact_responses'}}},
    )
}}
-- whatever the window of the other tests, a row too many anywhere in the mart: two counts over
-- primary keys, the whole table. Not for every night, for its cost grows with the table
with facts as (
    select
        count(*) as fact_rows,
        max(all_facts.response_id) as newest
    from {{ ref('fact_responses') }} as all_facts
),

source_rows as (
    select count(*) as response_rows
    from {{ ref('stg_user_responses') }} as responses
    where responses.response_id <= (select facts.newest from facts)
)

select
    facts.fact_rows,
    source_rows.response_rows
from facts
cross join source_rows
where facts.fact_rows > source_rows.response_rows
