{#- Which quizzes count for exposure rates and re-estimation, said once: those with an answer. A quiz that
    was only looked into says nothing of how an exam is given, and anybody can make thousands of them. -#}
{% macro counts_for_exposure(alias) -%}
    ({{ alias }}.answered > 0)
{%- endmacro %}

{#- Whether exposure control decided what a quiz was served: only there does sh_p play a part, so only
    there do counts say something about it. -#}
{% macro is_controlled(alias) -%}
    ({{ alias }}.is_adaptive and {{ alias }}.selector <> 'vanilla' and {{ counts_for_exposure(alias) }})
{%- endmacro %}
