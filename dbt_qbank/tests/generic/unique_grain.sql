{#- No two rows share the grain's columns, null and null being one. Where none is null, a unique
    index says the same at less cost. -#}
{% test unique_grain(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
