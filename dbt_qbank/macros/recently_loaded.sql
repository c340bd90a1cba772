{#- For `where` of tests on large tables: the rows that builds wrote lately, so that a night's tests
    cost what the night's rows cost. Var `test_window_days` widens it to audit everything. -#}
{% macro recently_loaded() -%}
    loaded_at >= now() - interval '{{ var("test_window_days") }} days'
{%- endmacro %}
