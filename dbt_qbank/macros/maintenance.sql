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
