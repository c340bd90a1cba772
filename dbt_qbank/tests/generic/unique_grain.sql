{#- No two rows share the grain's columns. With `recent_key` only the keys among recently loaded
    rows are looked at, but in the whole table: a duplicate of an old row is found as well. After a
    full refresh, and in an audit of all, every row is. Keys are looked up one by one (offset 0 keeps it so), for the
    planner takes a third of the table for recent. -#}
{% test unique_grain(model, columns, recent_key=none) %}
{%- set key = [recent_key] if recent_key is string else recent_key %}
{%- if key and not audits_every_row() %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from (
    select distinct {{ key | join(', ') }}
    from {{ model }}
    where {{ recently_loaded(model) }}
) as recent_keys
cross join lateral (
    select
    {%- for column in columns if column not in key %}
        rows_of_key.{{ column }},
    {%- endfor %}
        1 as copy
    from {{ model }} as rows_of_key
    where
    {%- for column in key %}
        {{ 'and ' if not loop.first }}rows_of_key.{{ column }} = recent_keys.{{ column }}
    {%- endfor %}
    offset 0
) as copies_of_key
{%- else %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
