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
