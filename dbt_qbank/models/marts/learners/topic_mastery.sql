{%- set touches = {
    'fact': 'fact_responses',
    'keys': ['user_id', 'exam_code'],
    'by': [
        ["rows_of_fact.user_id", "rows_of_fact.exam_code"],
    ],
    'by_topic': true,
} %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_touched',
        unique_key=['user_id', 'exam_code'],
        on_schema_change='fail',
        meta={'touches': touches},
        pre_hook=["{{ lock_this() }}", "{{ begin_reading() }}"],
        post_hook=["{{ end_reading() }}", "{{ unique_key_with(['user_id', 'exam_code', 'topic_id']) }}"],
        indexes=[
            {'columns': ['topic_id', 'exam_code']},
            {'columns': ['loaded_at']},
        ],
    )
}}

{%- set weight = var('mastery_prior_weight') %}
{#- integers, whose sums are bigint: those of bigint would be numeric and slow. The tenant is the
    exam's -#}
{%- set counts -%}
min(facts.tenant_id) as tenant_id,
        cast(count(*) as integer) as attempts,
        cast(count(*) filter (where facts.is_correct) as integer) as correct,
        cast(count(facts.time_taken_ms) as integer) as timed,
        cast(sum(facts.time_taken_ms) as double precision) as time_taken_ms,
        max(facts.answered_at) as last_seen_at
{%- endset %}

with recursive facts as not materialized (
    select * from {{ ref('fact_responses') }}
),

{% if is_incremental() %}

touched as (
    select * from {{ touched(touches) }}
),

-- columns of one index: a history is read from a page or two of it, not from as many of the mart as
-- the user has had sittings
by_topic as (
    select
        touched.user_id,
        touched.exam_code,
        counted.*
    from touched
    inner join lateral (
        select
            facts.topic_id,
            {{ counts }}
        from facts
        where
            facts.user_id = touched.user_id
            and facts.exam_code = touched.exam_code
            and {{ is_scored('facts') }}
        group by facts.topic_id
        offset 0
    ) as counted on true
),

{% else %}

by_topic as (
    select
        facts.user_id,
        facts.exam_code,
        facts.topic_id,
        {{ counts }}
    from facts
    where {{ is_scored('facts') }}
    group by facts.user_id, facts.exam_code, facts.topic_id
),

{% endif %}

overall as (
    select
        by_topic.user_id,
        by_topic.exam_code,
        (sum(by_topic.correct) + {{ weight }} * 0.5) / (sum(by_topic.attempts) + {{ weight }})
            as accuracy
    from by_topic
    group by by_topic.user_id, by_topic.exam_code
),

rolled_up as (
    select
        min(by_topic.tenant_id) as tenant_id,
        by_topic.user_id,
        by_topic.exam_code,
        ancestors.ancestor_topic_id as topic_id,
        sum(by_topic.attempts) as attempts,
        sum(by_topic.correct) as correct,
        sum(by_topic.timed) as timed,
        sum(by_topic.time_taken_ms) as time_taken_ms,
        max(by_topic.last_seen_at) as last_seen_at
    from by_topic
    inner join {{ ref('int_topic_ancestors') }} as ancestors
        on by_topic.topic_id = ancestors.topic_id
    group by by_topic.user_id, by_topic.exam_code, ancestors.ancestor_topic_id
),

placed as (
    select
        rolled_up.*,
        topics.parent_topic_id
    from rolled_up
    inner join {{ ref('stg_topics') }} as topics on rolled_up.topic_id = topics.topic_id
),

-- a topic leans on its parent, a root on the user's whole exam, that on one half; few answers
-- move an estimate little, and the leaning depends on this user alone
estimated as (
    select
        placed.*,
        cast(
            (placed.correct + {{ weight }} * overall.accuracy) / (placed.attempts + {{ weight }})
            as double precision
        ) as mastery
    from placed
    inner join overall
        on placed.user_id = overall.user_id and placed.exam_code = overall.exam_code
    where placed.parent_topic_id is null
    union all
    select
        placed.*,
        (placed.correct + {{ weight }} * parents.mastery) / (placed.attempts + {{ weight }})
            as mastery
    from estimated as parents
    inner join placed
        on
            parents.user_id = placed.user_id
            and parents.exam_code = placed.exam_code
            and parents.topic_id = placed.parent_topic_id
),

-- the posterior is Beta(correct + weight·prior, wrong + weight·(1 − prior)): its standard deviation
with_error as (
    select
        estimated.*,
        sqrt(
            estimated.mastery * (1 - estimated.mastery) / (estimated.attempts + {{ weight }} + 1)
        ) as mastery_se
    from estimated
)

select
    with_error.tenant_id,
    with_error.user_id,
    with_error.topic_id,
    with_error.exam_code,
    cast(with_error.attempts as bigint) as attempts,
    cast(with_error.correct as bigint) as correct,
    {{ ratio('with_error.correct', 'with_error.attempts') }} as accuracy,
    with_error.mastery,
    with_error.mastery_se,
    greatest(0, with_error.mastery - {{ z_95() }} * with_error.mastery_se) as mastery_lower,
    least(1, with_error.mastery + {{ z_95() }} * with_error.mastery_se) as mastery_upper,
    {{ ratio('with_error.time_taken_ms', 'with_error.timed') }} as mean_time_ms,
    with_error.last_seen_at,
    {{ newest_load('facts') }} as loaded_at
from with_error
-- a user's rows are replaced together, so they lie together
order by with_error.user_id, with_error.exam_code, with_error.topic_id
