{#- Whether exposure control decided what a quiz was served: only there does sh_p play a part, so only
    there do counts say something about it. Quizzes that were served nothing count for none. -#}
{% macro is_controlled(alias) -%}
    ({{ alias }}.is_adaptive and {{ alias }}.selector = 'sympson_hetter' and {{ alias }}.served > 0)
{%- endmacro %}
