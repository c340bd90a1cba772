{{
    config(
        materialized='table',
        indexes=[{'columns': ['exam_code', 'topic_id', 'difficulty']}],
    )
}}

with exams as (
    select * from {{ ref('stg_exams') }}
),

blueprints as (
    select * from {{ ref('stg_exam_blueprints') }}
),

-- an item counts for the nearest blueprint topic above it, so that nothing counts twice
nearest as (
    select distinct on (blueprints.exam_code, ancestors.topic_id)
        blueprints.exam_code,
        ancestors.topic_id,
        blueprints.topic_id as blueprint_topic_id
    from blueprints
    inner join {{ ref('int_topic_ancestors') }} as ancestors
        on blueprints.topic_id = ancestors.ancestor_topic_id
    order by blueprints.exam_code, ancestors.topic_id, ancestors.distance
),

health as (
    select
        items.exam_code,
        coalesce(nearest.blueprint_topic_id, items.topic_id) as topic_id,
        coalesce(items.difficulty_label, 'unlabelled') as difficulty,
        cast(items.is_live as integer) as is_live,
        items.served,
        items.served_28d
    from {{ ref('item_health') }} as items
    left join nearest
        on items.exam_code = nearest.exam_code and items.topic_id = nearest.topic_id
),

counted as (
    select
        health.exam_code,
        health.topic_id,
        coalesce(health.difficulty, 'all') as difficulty,
        sum(health.is_live) as published_items,
        sum(health.served) as administered,
        sum(health.served_28d) as administered_28d
    from health
    group by grouping sets (
        (health.exam_code, health.topic_id, health.difficulty),
        (health.exam_code, health.topic_id)
    )
),

exam_totals as (
    select
        exams.exam_code,
        exams.tenant_id,
        exams.test_length,
        exams.policy,
        coalesce(sum(health.is_live), 0) as published_items,
        sum(health.served) as administered,
        sum(health.served_28d) as administered_28d,
        exams.exam_code in (select blueprints.exam_code from blueprints) as has_blueprint
    from exams
    left join health on exams.exam_code = health.exam_code
    group by exams.exam_code, exams.tenant_id, exams.test_length, exams.policy
),

-- the exam's own mix of difficulties, where its policy has one; there is no mix by default
mixes as (
    select
        exams.exam_code,
        weights.key as difficulty,
        cast(weights.value as double precision)
        / sum(cast(weights.value as double precision)) over (partition by exams.exam_code)
            as weight
    from exams
    cross join lateral jsonb_each_text(exams.policy -> 'difficulty_weights') as weights
    where jsonb_typeof(exams.policy -> 'difficulty_weights') = 'object'
),

cells as (
    select
        counted.exam_code,
        counted.topic_id,
        counted.difficulty
    from counted
    union
    select
        blueprints.exam_code,
        blueprints.topic_id,
        labels.difficulty
    from blueprints
    cross join (values ('all'), ('easy'), ('medium'), ('hard')) as labels (difficulty)
),

targeted as (
    select
        exam_totals.tenant_id,
        cells.exam_code,
        cells.topic_id,
        cells.difficulty,
        blueprints.topic_id is not null as is_in_blueprint,
        coalesce(counted.published_items, 0) as published_items,
        coalesce(counted.administered, 0) as administered,
        coalesce(counted.administered_28d, 0) as administered_28d,
        exam_totals.published_items as exam_published,
        exam_totals.administered as exam_administered,
        exam_totals.administered_28d as exam_administered_28d,
        -- a bank smaller than one test must at least fill the test
        greatest(exam_totals.published_items, exam_totals.test_length) as pool_size,
        case when cells.difficulty = 'all' then blueprints.min_items end as min_items,
        case
            when not exam_totals.has_blueprint then null
            when cells.difficulty = 'all' then coalesce(blueprints.target_weight, 0)
            else coalesce(blueprints.target_weight, 0) * mixes.weight
        end as target_weight
    from cells
    inner join exam_totals on cells.exam_code = exam_totals.exam_code
    left join blueprints
        on cells.exam_code = blueprints.exam_code and cells.topic_id = blueprints.topic_id
    left join mixes
        on cells.exam_code = mixes.exam_code and cells.difficulty = mixes.difficulty
    left join counted
        on
            cells.exam_code = counted.exam_code
            and cells.topic_id = counted.topic_id
            and cells.difficulty = counted.difficulty
),

required as (
    select
        targeted.*,
        -- numeric, for 0.07 × 100 is 7.000000000000001 in floating point and would ask for 8
        cast(greatest(
            targeted.min_items,
            ceil(cast(targeted.target_weight as numeric) * targeted.pool_size)
        ) as integer) as required_items
    from targeted
)

select
    required.tenant_id,
    required.exam_code,
    required.topic_id,
    required.difficulty,
    required.is_in_blueprint,
    cast(required.published_items as integer) as published_items,
    required.min_items,
    required.target_weight,
    {{ ratio('required.published_items', 'required.exam_published') }} as published_share,
    {{ ratio('required.published_items', 'required.exam_published') }} - required.target_weight
        as share_gap,
    required.required_items,
    case
        -- greatest() passes a null over, and nothing required is not nothing missing
        when required.required_items is not null
            then greatest(0, required.required_items - cast(required.published_items as integer))
    end as items_to_write,
    cast(required.administered as bigint) as administered,
    {{ ratio('required.administered', 'required.exam_administered') }} as administered_share,
    {{ ratio('required.administered_28d', 'required.exam_administered_28d') }}
        as administered_share_28d
from required
