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
    {%- do graph.update({'view_fingerprints': found, 'built_anew': {}}) %}
    {%- endif %}
{% endmacro %}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set fingerprint = 'dbt ' ~ local_md5(sql) -%}
    {%- set known = graph.get('view_fingerprints', {}).get(this.schema ~ '.' ~ this.identifier) -%}

    {#- the cache takes a view for fallen whose table was exchanged; the database knows -#}
    {%- if existing_relation is none
        and run_query("select to_regclass('" ~ this ~ "') is not null")[0][0] %}
        {%- set existing_relation = target_relation %}
    {%- endif %}
    {%- if existing_relation is not none and existing_relation.is_view and known == fingerprint
        and not should_full_refresh() %}
        {%- call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {%- else %}
        {{ run_hooks(pre_hooks, inside_transaction=False) }}
        {{ run_hooks(pre_hooks, inside_transaction=True) }}
        {#- in the transaction that makes it: a reader waits and finds the new one -#}
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

{#- A table that is built anew is exchanged for the old one by name, and the old one takes the views on
    it along when it goes. They are pointed at the new one before, in the exchange's transaction, so
    that whoever reads one finds it at any moment; one that the new table no longer fits falls. -#}
{% macro keep_views() %}
{%- if model.config.materialized != 'view' %}
do $$
declare
    reader record;
begin
    for reader in
        select distinct
            v.oid::regclass as name,
            pg_get_viewdef(v.oid) as query
        from pg_depend as d
        inner join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
        inner join pg_class as v on r.ev_class = v.oid and v.relkind = 'v'
        where
            d.refclassid = 'pg_class'::regclass
            and d.refobjid = to_regclass('{{ make_backup_relation(this, "table") }}')
    loop
        begin
            execute format('create or replace view %s as %s', reader.name, replace(
                reader.query, '{{ this.identifier }}__dbt_backup', '{{ this.identifier }}'
            ));
        exception when undefined_column or invalid_table_definition then
            raise notice '% no longer fits its table and is made anew', reader.name;
        end;
    end loop;
end
$$
{%- endif %}
{% endmacro %}

{#- Whoever reads a view holds it and then its table: the exchange takes them in the same order, or the
    two would wait for each other. (LOCK would take all that a view reads, sources as well.) -#}
{% macro postgres__rename_relation(from_relation, to_relation) %}
    {%- call statement('rename_relation') %}
    do $$
    declare
        reader regclass;
    begin
        for reader in
            select distinct v.oid
            from pg_depend as d
            inner join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
            inner join pg_class as v on r.ev_class = v.oid and v.relkind = 'v'
            where d.refclassid = 'pg_class'::regclass and d.refobjid = to_regclass('{{ from_relation }}')
        loop
            execute format('alter view %s reset (security_barrier)', reader);
        end loop;
    end
    $$;
    alter table {{ from_relation }} rename to {{ adapter.quote(to_relation.identifier) }}
    {%- endcall %}
{% endmacro %}
