{#- The standing comparison of incremental models with what a full computation gives: for a sample of
    keys every night, for everything once a week. What a model says when it is not incremental is
    computed as a query of its own; a sample narrows what it reads to the keys' rows. What a key needs
    is read by the model's meta: `touches`, or `compared_by` for a fact. -#}

{#- Rows of the mart that are not what a full computation gives, or are missing, or have nothing
    behind them: their number, and the first of them in words. -#}
{% macro differences(relation, row) %}
    {%- set name = (relation | string).split('.')[-1] | replace('"', '') %}
    {%- set node = model_node(name) %}
    {#- what was just made anew is what a full computation gives -#}
    {%- if flags.FULL_REFRESH or graph.get('built_anew', {}).get(node.unique_id) %}
        {{ return({'found': 0, 'lines': []}) }}
    {%- endif %}
    {%- set compared = compared_by(node, relation) %}
    {%- set keys = none %}
    {%- if not audits_every_row() %}
        {%- set keys = sampled_keys(compared, relation) %}
        {%- if not keys %}
            {{ return({'found': 0, 'lines': []}) }}
        {%- endif %}
    {%- endif %}
    {%- set found = run_query(difference_query(node, relation, row, compared, keys)) %}
    {%- set lines = [] %}
    {%- for line in found.rows %}
        {%- do lines.append(name ~ ': ' ~ line[1] ~ ': ' ~ line[2]) %}
    {%- endfor %}
    {{ return({'found': found.rows[0][0] | int if found.rows else 0, 'lines': lines}) }}
{% endmacro %}

{% macro model_node(name) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ name]) }}
{% endmacro %}

{% macro relation_of(name) %}
    {%- set node = model_node(name) %}
    {{ return(api.Relation.create(
        database=target.dbname, schema=node.schema, identifier=node.alias
    )) }}
{% endmacro %}

{#- `touches` speaks of what both facts have under the names of one. -#}
{% macro of_columns_of(fact, expressions) %}
    {%- set named = [] %}
    {%- for expression in expressions %}
        {%- do named.append(
            expression | replace('rows_of_fact.started_on', 'rows_of_fact.session_started_on')
            if fact == 'fact_responses' else expression
        ) %}
    {%- endfor %}
    {{ return(named) }}
{% endmacro %}

{#- What the model says when it is not incremental, over what it reads narrowed to the keys. These
    rows are read once (`materialized`), and not again for each row that they are joined with. -#}
{% macro computed_in_full(node, compared, keys) %}
    {%- set relations = {} %}
    {%- for unique_id in node.depends_on.nodes if unique_id in graph.nodes %}
        {%- set name = graph.nodes[unique_id].name %}
        {%- set relation = relation_of(name) %}
        {%- if keys is none or name not in compared['narrowed'] %}
            {%- do relations.update({name: relation | string}) %}
        {%- else %}
            {%- set conditions = [] %}
            {%- for condition in compared['narrowed'][name] %}
                {%- do conditions.append(condition.format(keys | join(', '))) %}
            {%- endfor %}
            {%- do relations.update({
                name: '(with kept as materialized (select rows_of_fact.* from ' ~ relation
                ~ ' as rows_of_fact where ' ~ conditions | join(' or ') ~ ') select kept.* from kept)'
            }) %}
        {%- endif %}
    {%- endfor %}
    {{ return(render('{%- set ref = ' ~ tojson(relations) ~ '.get -%}' ~ node.raw_code)) }}
{% endmacro %}

{#- Keys that may rightly be otherwise: something of theirs came in or changed after the build. -#}
{% macro unsettled(node, mart, compared) %}
    {%- set pending %}
        public.source_changes as changes
        where changes.xid >= (
            select min(reads.source_xid) from public.mart_reads as reads
            where reads.model in ('{{ node.name }}', '{{ compared["fact"] or node.name }}')
        ) and changes.kind
    {%- endset %}
    {%- set built_at -%}
        (
            select max(built.loaded_at) - interval '{{ var("settled_after_minutes") }} minutes'
            from {{ mart }} as built
        )
    {%- endset %}
    {%- if compared['fact'] %}
        {%- for fact, expressions in compared['drawn'] %}
        {{ "union" if not loop.first }}
        select {{ expressions | join(', ') }}
        from {{ fact }} as rows_of_fact
        where rows_of_fact.quiz_id in (select changes.key from {{ pending }} = 'quiz')
            and {{ expressions[-1] }} is not null and {{ expressions[0] }} is not null
        {%- endfor %}
        {%- if compared['by_topic'] %}
        union
        select {% for key in compared['keys'] %}every.{{ key }}{{ ", " if not loop.last }}{% endfor %}
        from {{ mart }} as every
        where exists (select from {{ pending }} = 'topic')
        {%- endif %}
    {%- elif compared['keys'] == ['quiz_id'] %}
        select changes.key from {{ pending }} = 'quiz'
        union
        select quizzes.quiz_id
        from {{ relation_of('stg_quiz_sessions') }} as quizzes
        where quizzes.user_id in (select changes.key from {{ pending }} = 'user')
        union
        select computed.quiz_id
        from computed
        where computed.source_changed_at >= {{ built_at }} or computed.ended_at >= {{ built_at }}
    {%- else %}
        select responses.user_id
        from {{ relation_of('stg_user_responses') }} as responses
        where responses.recorded_at >= {{ built_at }}
        union
        select quizzes.user_id
        from {{ relation_of('stg_quiz_sessions') }} as quizzes
        where quizzes.quiz_id in (select changes.key from {{ pending }} = 'quiz')
        union
        select known.user_id
        from {{ mart }} as known
        where
            known.quiz_id in (select changes.key from {{ pending }} = 'quiz')
            or known.question_id in (
                select cast(changes.key as bigint) from {{ pending }} = 'question'
            )
    {%- endif %}
{% endmacro %}

{#- Both ways, row by row; sums of fractions are equal to nine digits, for they are added up in
    another order. -#}
{% macro difference_query(node, mart, row, compared, keys) %}
    {%- set wrong = {} %}
    {%- for column in adapter.get_columns_in_relation(relation_of(node.name)) %}
        {%- set ours, theirs = 'mart.' ~ adapter.quote(column.name), 'computed.' ~ adapter.quote(column.name) %}
        {%- if column.name in row + ['loaded_at'] %}
        {%- elif column.data_type == 'double precision' %}
            {%- do wrong.update({column.name: '(' ~ ours ~ ' is distinct from ' ~ theirs ~ ' and abs('
                ~ ours ~ ' - ' ~ theirs ~ ') <= 1e-12 + 1e-9 * abs(' ~ theirs ~ ') is not true)'}) %}
        {%- else %}
            {%- do wrong.update({column.name: '(' ~ ours ~ ' is distinct from ' ~ theirs ~ ')'}) %}
        {%- endif %}
    {%- endfor %}
    with computed as (
        select full_computation.*
        from (
            {{ computed_in_full(node, compared, keys) }}
        ) as full_computation
        {%- if compared['drawn'] | length > 1 %}
        -- read by one way to a key are rows of others besides. Not said twice where there is one way:
        -- the planner would take the share of a share, and the few rows for none
        where {{ has_key(compared['keys'], keys) }}
        {%- endif %}
    ),

    mart as (
        select rows_of_mart.*
        from {{ mart }} as rows_of_mart
        where {{ has_key(compared['keys'], keys) }}
    ),

    unsettled as (
        {{ unsettled(node, mart, compared) }}
    )

    select
        count(*) over () as found,
        concat_ws(', '
        {%- for column in row %},
            '{{ column }} ' || coalesce(mart.{{ column }}, computed.{{ column }})
        {%- endfor %}
        ) as row_key,
        case
            when mart.{{ row[0] }} is null then 'is missing'
            when computed.{{ row[0] }} is null then 'nothing is behind it'
            else concat_ws(', '
            {%- for column, differs in wrong.items() %},
                case when {{ differs }} then
                    '{{ column }} is ' || left(coalesce(cast(mart.{{ adapter.quote(column) }} as text), 'null'), 40)
                    || ', not ' || left(coalesce(cast(computed.{{ adapter.quote(column) }} as text), 'null'), 40)
                end
            {%- endfor %}
            )
        end as finding
    from mart
    full outer join computed
        on
        {%- for column in row %}
            {{ "and " if not loop.first }}mart.{{ column }} = computed.{{ column }}
        {%- endfor %}
    where
        (
            mart.{{ row[0] }} is null
            or computed.{{ row[0] }} is null
            {%- for differs in wrong.values() %}
            or {{ differs }}
            {%- endfor %}
        )
        and not exists (
            select 1
            from unsettled as moving ({{ compared['keys'] | join(', ') }})
            where
            {%- for key in compared['keys'] %}
                {{ "and " if not loop.first }}moving.{{ key }}
                = coalesce(mart.{{ key }}, computed.{{ key }})
            {%- endfor %}
        )
    limit 20
{% endmacro %}
