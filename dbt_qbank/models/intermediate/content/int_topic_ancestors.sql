{{
    config(
        materialized='table',
        tags=['results'],
        indexes=[{'columns': ['topic_id', 'ancestor_topic_id'], 'unique': true}],
    )
}}

with recursive topics as (
    select * from {{ ref('stg_topics') }}
),

ancestors as (
    select
        topics.topic_id,
        topics.topic_id as ancestor_topic_id,
        topics.parent_topic_id as next_topic_id,
        0 as distance
    from topics
    union all
    select
        ancestors.topic_id,
        parents.topic_id as ancestor_topic_id,
        parents.parent_topic_id as next_topic_id,
        ancestors.distance + 1 as distance
    from ancestors
    inner join topics as parents on ancestors.next_topic_id = parents.topic_id
)
-- a parent that became its own descendant must stop the build, not fill the disk
cycle ancestor_topic_id set is_cycle using visited

select
    ancestors.topic_id,
    ancestors.ancestor_topic_id,
    ancestors.distance
from ancestors
where not ancestors.is_cycle
