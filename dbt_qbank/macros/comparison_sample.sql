{#- Which keys of an incremental model a night compares (`comparison.sql` says how). -#}

{#- How a model is sampled: its keys; where they are drawn from, as relations with one expression a
    key over `rows_of_fact`; conditions that narrow what it reads to keys; where their rows are
    counted. -#}
{% macro compared_by(node, mart) %}
    {%- set touches = node.config.meta.get('touches') %}
    {%- set drawn, narrowed = [], {} %}
    {%- if touches %}
        {%- set fact = relation_of(touches['fact']) %}
        {%- for expressions in touches['by'] %}
            {%- set expressions = of_columns_of(touches['fact'], expressions) %}
            {%- do drawn.append([fact, expressions]) %}
            {%- do narrowed.setdefault(touches['fact'], []).append(
                '(' ~ expressions | join(', ') ~ ') in ({})'
            ) %}
        {%- endfor %}
        {%- for read, condition in touches.get('reads', {}).items() %}
            {%- do narrowed.update({read: [condition]}) %}
        {%- endfor %}
        {{ return({
            'keys': touches['keys'], 'drawn': drawn, 'narrowed': narrowed, 'fact': touches['fact'],
            'by_topic': touches.get('by_topic'),
            'counted': none if touches.get('reads') else drawn[0],
        }) }}
    {%- endif %}
    {%- set by = node.config.meta['compared_by'] %}
    {%- for read, condition in by['reads'].items() %}
        {%- do narrowed.update({read: [condition]}) %}
    {%- endfor %}
    {{ return({
        'keys': [by['key']], 'drawn': [['public.' ~ by['source'], ['rows_of_fact.' ~ by['source_key']]]],
        'narrowed': narrowed, 'fact': none, 'by_topic': none,
        'counted': [mart, ['rows_of_fact.' ~ by['key']]],
    }) }}
{% endmacro %}

{#- Keys from a few pages of the mart and of what it is made from, so that both missing and orphaned
    ones are met; others each night. As many as hold `compared_rows` rows, but one at least. Literals:
    the planner then takes the few rows of a key for few. -#}
{% macro sampled_keys(compared, mart) %}
    {%- set of_mart = [] %}
    {%- for key in compared['keys'] %}
        {%- do of_mart.append('rows_of_fact.' ~ key) %}
    {%- endfor %}
    {%- set count = compared['keys'] | length %}
    {%- set query %}
    with drawn as (
        {%- for relation, expressions in compared['drawn'] + [[mart, of_mart]] %}
        select
            {%- for expression in expressions %}
            cast({{ expression }} as text) as key_{{ loop.index }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ relation }} as rows_of_fact
        tablesample system (
            least(100, 16 * 100.0 * 8192 / (1 + pg_relation_size('{{ relation }}')))
        ) repeatable (extract(doy from now()))
        where {{ expressions[-1] }} is not null and {{ expressions[0] }} is not null
        {{ "union" if not loop.last }}
        {%- endfor %}
    ),

    chosen as (
        select drawn.*
        from drawn
        order by md5(concat_ws('/', cast(now() as date)
        {%- for i in range(count) %}, drawn.key_{{ i + 1 }}{% endfor %}))
        limit {{ var('compared_keys') if compared['counted'] else 1 }}
    )

    select
        {%- for i in range(count) %}
        quote_literal(chosen.key_{{ i + 1 }}) as key_{{ i + 1 }}{{ "," if not loop.last }}
        {%- endfor %}
    from chosen
    {%- endset %}
    {%- set keys = [] %}
    {%- for found in run_query(query).rows %}
        {%- do keys.append('(' ~ found.values() | join(', ') ~ ')') %}
    {%- endfor %}
    {{ return(affordable(keys, compared)) }}
{% endmacro %}

{#- The first keys, until `compared_rows` rows are there. -#}
{% macro affordable(keys, compared) %}
    {%- if keys | length < 2 %}
        {{ return(keys) }}
    {%- endif %}
    {%- set query %}
        {%- for key in keys %}
        select (
            select count(*)
            from (
                select 1
                from {{ compared['counted'][0] }} as rows_of_fact
                where {{ has_key(compared['counted'][1], [key]) }}
                limit {{ var('compared_rows') }}
            ) as rows_of_key
        ) as counted
        {{ "union all" if not loop.last }}
        {%- endfor %}
    {%- endset %}
    {%- set chosen = [] %}
    {%- set rows = namespace(before=0) %}
    {%- for found in run_query(query).rows if rows.before < var('compared_rows') %}
        {%- do chosen.append(keys[loop.index0]) %}
        {%- set rows.before = rows.before + found[0] | int %}
    {%- endfor %}
    {{ return(chosen) }}
{% endmacro %}

{#- Whether a row has one of the keys; of all rows where keys is none. -#}
{% macro has_key(expressions, keys) -%}
    {%- if keys is none %}true
    {%- else %}({{ expressions | join(', ') }}) in ({{ keys | join(', ') }})
    {%- endif %}
{%- endmacro %}
