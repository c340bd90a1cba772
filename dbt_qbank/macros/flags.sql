{#- Flags of items: what SQL says of them. What never lives here: what they are called, how urgent they are and
    what to do (`item_flags` in dbt_project.yml); what raises one (item_health). -#}

{#- Rows of the table of flags: the column, what it is called, how urgent it is and what to do, and its rank. -#}
{% macro flag_meanings() -%}
    {%- for flag in var('item_flags') %}
    select
        cast({{ loop.index }} as integer) as urgency
        {%- for key in ['column', 'label', 'severity', 'what_to_do'] %},
        cast('{{ flag[key] | replace("'", "''") }}' as text) as {{ 'flag' if key == 'column' else key }}
        {%- endfor %}
    {{ "union all" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- A p-value adjusted so that whoever takes q ≤ r for a finding is wrong in a share r of findings
    (Benjamini & Hochberg 1995), in two steps: `scaled_p` of a row, and the least of it and those above. -#}
{% macro scaled_p(p, family) -%}
    {{ p }} * count(*) over (partition by {{ family }})
    / count(*) over (partition by {{ family }} order by {{ p }})
{%- endmacro %}

{% macro adjusted_p(row, family) -%}
    least(1, min({{ row }}.scaled_p) over (partition by {{ family }} order by {{ row }}.p desc))
{%- endmacro %}

{#- Notes since when a live item bears a flag, in the transaction that makes item_health: a flag that is no
    longer there ends, and one that comes back is raised anew. What is as it was is not written. -#}
{% macro note_flags() %}
with raised as (
    select
        bearers.exam_code,
        bearers.tenant_id,
        bearers.question_id,
        bearers.version,
        raised_flags.flag
    from {{ this }} as bearers
    cross join lateral (
        values
        {%- for flag in var('item_flags') %}
        ('{{ flag['column'] }}', bearers.{{ flag['column'] }}){{ "," if not loop.last }}
        {%- endfor %}
    ) as raised_flags (flag, is_raised)
    where bearers.is_live and raised_flags.is_raised
),

gone as (
    update public.item_flags as noted set gone_at = greatest(now(), noted.raised_at)
    where
        noted.gone_at is null
        and not exists (
            select 1 from raised
            where
                raised.exam_code = noted.exam_code
                and raised.question_id = noted.question_id
                and raised.version = noted.version
                and raised.flag = noted.flag
        )
)

insert into public.item_flags (exam_code, tenant_id, question_id, version, flag)
select
    raised.exam_code,
    raised.tenant_id,
    raised.question_id,
    raised.version,
    raised.flag
from raised
where
    not exists (
        select 1 from public.item_flags as noted
        where
            noted.gone_at is null
            and noted.exam_code = raised.exam_code
            and noted.question_id = raised.question_id
            and noted.version = raised.version
            and noted.flag = raised.flag
    )
on conflict (exam_code, question_id, version, flag) where gone_at is null do nothing
{% endmacro %}
