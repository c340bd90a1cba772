{{ config(materialized='table', indexes=[{'columns': ['topic_id'], 'unique': true}]) }}

with topics as (
    select * from {{ ref('stg_topics') }}
),

paths as (
    select
        ancestors.topic_id,
        array_agg(names.topic_id order by ancestors.distance desc) as topic_ids,
        string_agg(names.topic_name, ' / ' order by ancestors.distance desc) as topic_path,
        max(ancestors.distance) as depth
    from {{ ref('int_topic_ancestors') }} as ancestors
    inner join topics as names on ancestors.ancestor_topic_id = names.topic_id
    group by ancestors.topic_id
)

select
    topics.topic_id,
    topics.tenant_id,
    topics.parent_topic_id,
    topics.topic_name,
    topics.blueprint_code,
    paths.topic_path,
    paths.topic_ids,
    paths.topic_ids[1] as root_topic_id,
    paths.depth,
    not exists (
        select 1
        from topics as children
        where children.parent_topic_id = topics.topic_id
    ) as is_leaf
from topics
inner join paths on topics.topic_id = paths.topic_id
