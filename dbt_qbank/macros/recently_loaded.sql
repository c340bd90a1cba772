{#- For tests of large tables: the rows that the newest build wrote, so that a night's tests cost
    what the night's rows cost. Var `test_window_days` reaches further back; a large one audits all. -#}
{% macro recently_loaded(relation) -%}
    loaded_at >= (select max(loaded_at) from {{ relation }})
    - interval '{{ var("test_window_days") }} days'
{%- endmacro %}
