{#- Which quizzes count for exposure rates, said once: those that were served something. Nobody sees an
    item of a quiz that was abandoned before its first. -#}
{% macro counts_for_exposure(alias) -%}
    ({{ alias }}.served > 0)
{%- endmacro %}

{#- Whether exposure control decided what a quiz was served: only there does sh_p play a part, so only
    there do counts say something about it. -#}
{% macro is_controlled(alias) -%}
    ({{ alias }}.is_adaptive and {{ alias }}.selector = 'sympson_hetter' and {{ counts_for_exposure(alias) }})
{%- endmacro %}
