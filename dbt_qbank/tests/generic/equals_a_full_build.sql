{#- An incremental model's rows are those that a full computation gives: of a sample of its keys
    every night, of all in an audit. `row`: the columns that tell a row from the others. What is
    wrong is said line by line in the log. A warning: it stops no night, but Dagster tells it as an
    error. -#}
{% test equals_a_full_build(model, row) %}
{{ config(severity='warn', meta={'standing_comparison': true}) }}
{%- if execute and flags.WHICH in ('build', 'test') %}
    {%- set compared = differences(model, row) %}
    {%- for line in compared['lines'] %}
        {%- do log(line, info=true) %}
    {%- endfor %}
select generate_series(1, {{ compared['found'] }}) as difference
{%- else %}
select 1 as difference where false
{%- endif %}
{% endtest %}
