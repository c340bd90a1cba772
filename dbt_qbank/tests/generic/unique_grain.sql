{#- No two rows share the grain's columns. With `recent_key` only the keys among recently loaded
    rows are looked at, but in the whole table: a duplicate of an old row is found as well. -#}
{% test unique_grain(model, columns, recent_key=none) %}
{%- set key = [recent_key] if recent_key is string else recent_key %}
{%- if key %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from (
    select distinct {{ key | join(', ') }}
    from {{ model }}
    where {{ recently_loaded(model) }}
) as recent_keys
inner join {{ model }} using ({{ key | join(', ') }})
{%- else %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
