{#- Which quizzes are in the marts at all, said once: all but those that staff made void. What was seen in a
    void one stays seen (delivery repeats no item of it), and what was measured in it counts for nothing. -#}
{% macro counts() -%}
    voided_at is null
{%- endmacro %}
