{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['question_id', 'version'], 'unique': true},
            {'columns': ['tenant_id', 'topic_id']},
        ],
    )
}}

with versions as (
    select * from {{ ref('stg_question_versions') }}
),

options as (
    select
        all_options.question_version_id,
        count(*) as option_count,
        max(all_options.option_label) filter (where all_options.is_correct) as correct_option
    from {{ ref('stg_question_options') }} as all_options
    group by all_options.question_version_id
),

live as (
    select
        publications.question_id,
        publications.live_version as version,
        array_agg(publications.exam_code order by publications.exam_code) as live_in_exams
    from {{ ref('stg_question_publications') }} as publications
    group by publications.question_id, publications.live_version
)

select
    versions.question_id,
    versions.version,
    questions.tenant_id,
    questions.external_ref,
    versions.topic_id,
    topics.topic_path,
    versions.state,
    versions.difficulty_label,
    versions.bloom_level,
    left(versions.stem_md, 120) as stem_start,
    options.correct_option,
    coalesce(options.option_count, 0) as option_count,
    coalesce(live.live_in_exams, '{}') as live_in_exams,
    questions.is_deleted,
    questions.created_by,
    versions.created_at
from versions
inner join {{ ref('stg_questions') }} as questions
    on versions.question_id = questions.question_id
inner join {{ ref('dim_topics') }} as topics on versions.topic_id = topics.topic_id
left join options on versions.question_version_id = options.question_version_id
left join live on versions.question_id = live.question_id and versions.version = live.version
