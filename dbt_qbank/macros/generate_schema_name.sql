{#- Marts live in `analytics`, all else in `analytics_staging`, whoever runs dbt: a schema is
    taken as configured, never prefixed with the target's. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
