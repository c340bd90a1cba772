{{ config(materialized='table', indexes=[{'columns': ['exam_code'], 'unique': true}]) }}

with examinations as (
    select
        all_examinations.*,
        all_examinations.summary -> 'attributes' as attributes,
        cast(all_examinations.summary #>> '{person_fit,persons}' as bigint) as persons_judged,
        cast(all_examinations.summary #>> '{person_fit,misfit}' as bigint) as persons_misfit
    from {{ ref('stg_item_examinations') }} as all_examinations
)

select
    examinations.tenant_id,
    examinations.exam_code,
    examinations.responses,
    examinations.persons,
    examinations.attributes,
    cast((
        select count(*)
        from jsonb_each(examinations.attributes) as looked
        where jsonb_exists(looked.value, 'groups')
    ) as integer) as attributes_compared,
    examinations.persons_judged,
    examinations.persons_misfit,
    {{ ratio('examinations.persons_misfit', 'examinations.persons_judged') }} as misfit_share,
    examinations.examined_at
from examinations
