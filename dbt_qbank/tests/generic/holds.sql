{#- The expression is true of every row, or of every recently loaded one; null is a failure. -#}
{% test holds(model, expression, recent=false) %}
select *
from {{ model }}
where
    ({{ expression }}) is not true
    {% if recent %}
    and {{ recently_loaded(model) }}
    {% endif %}
{% endtest %}
