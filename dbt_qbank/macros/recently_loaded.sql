{#- For tests of large tables: the rows that the newest build wrote, so that a night's tests cost
    what the night's rows cost. Var `test_window_days` reaches further back; a large one audits all. -#}
{% macro recently_loaded(relation) -%}
    loaded_at >= (select max(loaded_at) from {{ relation }})
    - interval '{{ var("test_window_days") }} days'
{%- endmacro %}

{#- Whether the tests look at more or less the whole table: one pass over it is then cheaper than
    many probes. -#}
{% macro audits_every_row() -%}
    {{ return(flags.FULL_REFRESH or var('test_window_days') | int >= 365) }}
{%- endmacro %}
