{{ config(materialized='view') }}

with chosen as (
    select
        days.exam_code,
        days.question_id,
        days.version,
        days.option_label,
        sum(days.responses) as responses
    from {{ ref('int_item_option_days') }} as days
    group by days.exam_code, days.question_id, days.version, days.option_label
),

items as (
    select
        chosen.exam_code,
        chosen.question_id,
        chosen.version,
        sum(chosen.responses) as responses
    from chosen
    group by chosen.exam_code, chosen.question_id, chosen.version
    having sum(chosen.responses) > 0
),

-- an option that nobody chose has a share of 0, not none
shares as (
    select
        items.exam_code,
        items.question_id,
        items.version,
        options.option_label,
        -- the options that a rule of the exam makes right are no distractors
        public.is_right(rules.rule, rules.keys, options.option_label, options.is_correct)
            as is_correct,
        items.responses,
        coalesce({{ ratio('chosen.responses', 'items.responses') }}, 0) as share,
        coalesce(chosen.responses, 0) as responses_of_option
    from items
    inner join {{ ref('stg_question_versions') }} as versions
        on items.question_id = versions.question_id and items.version = versions.version
    inner join {{ ref('stg_question_options') }} as options
        on versions.question_version_id = options.question_version_id
    left join {{ source('qbank', 'scoring_rules_in_force') }} as rules
        on
            items.exam_code = rules.exam_code
            and items.question_id = rules.question_id
            and items.version = rules.version
    left join chosen
        on
            items.exam_code = chosen.exam_code
            and items.question_id = chosen.question_id
            and items.version = chosen.version
            and options.option_label = chosen.option_label
),

judged as (
    select
        shares.*,
        -- those who could have chosen a distractor: who knows the key passes all of them over, so
        -- that an easy item or an able group says nothing about them
        shares.responses - coalesce(sum(shares.responses_of_option) filter (
            where shares.is_correct
        ) over (partition by shares.exam_code, shares.question_id, shares.version), 0) as wrong
    from shares
)

select
    shares.exam_code,
    shares.question_id,
    shares.version,
    jsonb_object_agg(shares.option_label, round(cast(shares.share as numeric), 6))
        as option_shares,
    cast(max(shares.responses) as bigint) as responses,
    cast(coalesce(sum(shares.responses_of_option) filter (where shares.is_correct), 0) as bigint)
        as key_responses,
    cast(
        coalesce(max(shares.responses_of_option) filter (where not shares.is_correct), 0) as bigint
    ) as most_chosen_distractor_responses,
    coalesce(
        array_agg(shares.option_label order by shares.option_label) filter (
            where not shares.is_correct
            and {{ wilson(
                'upper', 'shares.responses_of_option', 'shares.wrong', z_95_one_sided()
            ) }} < {{ var('flag_dead_distractor_share') }}
        ), '{}'
    ) as rare_distractors
from judged as shares
group by shares.exam_code, shares.question_id, shares.version
