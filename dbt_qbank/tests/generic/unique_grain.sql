{#- No two rows share the grain's columns. With `recent_key` only the keys among recently loaded
    rows are looked at, but in the whole table: a duplicate of an old row is found as well. -#}
{% test unique_grain(model, columns, recent_key=none) %}
{%- set key = [recent_key] if recent_key is string else recent_key %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
{%- if key %}
where ({{ key | join(', ') }}) in (
    select {{ key | join(', ') }}
    from {{ model }}
    where {{ recently_loaded() }}
)
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
