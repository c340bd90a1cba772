{#- Every recently loaded row's column is found in `to`: `relationships` at the night's cost. -#}
{% test refers_to(model, column_name, to, field) %}
select distinct {{ column_name }}
from {{ model }}
where
    {{ recently_loaded(model) }}
    and {{ column_name }} is not null
    and {{ column_name }} not in (select known.{{ field }} from {{ to }} as known)
{% endtest %}
