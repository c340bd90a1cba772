{#- Which quizzes are in the marts at all, said once: all but those that staff made void. What was seen in a
    void one stays seen (delivery repeats no item of it), and what was measured in it counts for nothing. -#}
{% macro counts() -%}
    voided_at is null
{%- endmacro %}

{#- Which served items are the exam's own, said once: all but those that were tried out. What is tried out has
    no parameters and plays no part in a score, an ability, an exposure rate or a mastery; its answers are
    the item's own: they are in its statistics, and parameters are estimated from them. -#}
{% macro is_operational(alias) -%}
    ({{ alias }}.is_pretest is not true)
{%- endmacro %}

{#- Which answers score: those to items of the exam's own that are not void. -#}
{% macro is_scored(alias) -%}
    ({{ is_operational(alias) }} and {{ alias }}.is_void is not true)
{%- endmacro %}
