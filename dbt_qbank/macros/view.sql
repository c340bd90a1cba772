{#- Views that are as the project says stay as they are: a night then costs nothing for them, and whoever
    reads one neither waits nor finds it gone. A view carries the fingerprint of its SQL as a
    comment; `read_fingerprints` reads them all once, when a run starts. -#}

{% macro read_fingerprints() %}
    {%- if execute %}
    {%- set query %}
        select
            n.nspname || '.' || c.relname as view_name,
            obj_description(c.oid, 'pg_class') as fingerprint
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where c.relkind = 'v' and obj_description(c.oid, 'pg_class') is not null
    {%- endset %}
    {%- set found = {} %}
    {%- for row in run_query(query) %}
        {%- do found.update({row[0]: row[1]}) %}
    {%- endfor %}
    {#- the one object that the nodes of a run share -#}
    {%- do graph.update({'view_fingerprints': found}) %}
    {%- endif %}
{% endmacro %}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set fingerprint = 'dbt ' ~ local_md5(sql) -%}
    {%- set known = graph.get('view_fingerprints', {}).get(this.schema ~ '.' ~ this.identifier) -%}

    {#- the cache forgets a view that fell with a table it read -#}
    {%- if existing_relation is not none and existing_relation.is_view and known == fingerprint
        and not should_full_refresh() %}
        {%- call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {%- else %}
        {{ run_hooks(pre_hooks, inside_transaction=False) }}
        {{ run_hooks(pre_hooks, inside_transaction=True) }}
        {%- if existing_relation is not none %}
            {{ adapter.drop_relation(existing_relation) }}
        {%- endif %}
        {%- call statement('main') %}
            {{ get_create_view_as_sql(target_relation, sql) }};
            comment on view {{ target_relation }} is '{{ fingerprint }}'
        {%- endcall %}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {{ adapter.commit() }}
        {{ run_hooks(post_hooks, inside_transaction=False) }}
    {%- endif %}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
