{#- Statistics for a table that was just made: until autovacuum comes by, the planner would take a
    table of millions for one of thousands. A table that has statistics is left to autovacuum. -#}
{% macro analyze_new() %}
{%- if model.config.materialized != 'view' %}
do $$
begin
    if not exists (
        select 1 from pg_stats
        where schemaname = '{{ this.schema }}' and tablename = '{{ this.identifier }}'
    ) then
        analyze {{ this }};
    end if;
end
$$
{%- endif %}
{% endmacro %}

{#- A table that only grows is vacuumed after a night and not after a fifth of it came in: what its
    indexes hold is then read from them alone. Said once, for it waits for a running vacuum. -#}
{% macro vacuum_nightly() %}
do $$
begin
    if (select reloptions is null from pg_class where oid = cast('{{ this }}' as regclass)) then
        alter table {{ this }} set (autovacuum_vacuum_insert_scale_factor = 0.005);
    end if;
end
$$
{% endmacro %}

{#- A key besides the primary one, with the columns that are read by it. Added to the table when it is
    full, for a contract's would be kept through the first load; checked at commit, for a late row
    moves those that follow it. PostgreSQL names it: until a full refresh ends there are two. -#}
{% macro unique_key_with(columns, included=[]) %}
do $$
begin
    if not exists (
        select 1 from pg_constraint
        where conrelid = cast('{{ this }}' as regclass) and contype = 'u'
    ) then
        alter table {{ this }} add unique nulls not distinct ({{ columns | join(', ') }})
        {{ "include (" ~ included | join(', ') ~ ")" if included }} deferrable initially deferred;
    end if;
end
$$
{% endmacro %}

{#- The delivery API reads a mart only behind a wall, its tenant's rows alone; without one it reads none.
    In the transaction that makes the mart, so that there is no moment without. -#}
{% macro wall_off() %}
select public.wall_off(cast('{{ this }}' as regclass))
{% endmacro %}
