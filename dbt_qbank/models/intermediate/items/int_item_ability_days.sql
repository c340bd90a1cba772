{%- set touches = {
    'fact': 'fact_responses',
    'keys': ['session_started_on', 'exam_code'],
    'by': [
        ["rows_of_fact.started_on", "rows_of_fact.exam_code"],
    ],
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['session_started_on', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=[
            "{{ end_reading() }}",
            "{{ unique_key_with(
                ['session_started_on', 'exam_code', 'question_id',
                 'version', 'ability_bin']
            ) }}",
        ],
    )
}}

{%- set columns = [
    'exam_code', 'question_id', 'version', 'session_started_on', 'theta_before', 'position',
    'is_first_attempt', 'is_void', 'is_correct', 'is_adaptive',
] %}

with facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

responses as (
    {{ rows_of_touched('facts', ['session_started_on', 'exam_code'], columns) }}
)

{% else %}

responses as (
    select * from facts
)

{% endif %}

-- the ability before the item was chosen: it does not know the answer that it is to judge, which
-- the ability at the end does. A quiz that is not adaptive begins with what was known and stays so
select
    responses.exam_code,
    responses.question_id,
    responses.version,
    responses.session_started_on,
    -- a logit wide; what the parameters expect in a bin follows from its mean and variance
    cast(floor(responses.theta_before) as integer) as ability_bin,
    cast(count(*) as integer) as responses,
    cast(count(*) filter (where responses.is_correct) as integer) as correct,
    sum(responses.theta_before) as theta_sum,
    -- the ability is not known but estimated, with a variance of about 1 ÷ (1 + information of the
    -- answers before): half a unit each, which is an item with an a of 1 within a logit of its b
    sum(
        responses.theta_before * responses.theta_before + 1.0 / (1 + 0.5 * (responses.position - 1))
    ) as theta_sum_squares,
    {{ newest_load('facts') }} as loaded_at
from responses
where
    responses.theta_before is not null
    and responses.is_adaptive
    and responses.is_first_attempt
    and not responses.is_void
group by 1, 2, 3, 4, 5
