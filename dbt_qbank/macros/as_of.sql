{#- The moment that windows and expiry are measured from: var `as_of`, else the database's clock. -#}
{% macro as_of() -%}
    {%- if var('as_of') -%} cast('{{ var("as_of") }}' as timestamptz)
    {%- else -%} now()
    {%- endif -%}
{%- endmacro %}

{#- The UTC date of a timestamp: days are UTC days, whatever the session's time zone. -#}
{% macro utc_date(timestamp) -%}
    cast({{ timestamp }} at time zone 'UTC' as date)
{%- endmacro %}

{#- The first day of the recent window: `exposure_window_days` days that end with the day of as_of. -#}
{% macro window_start() -%}
    ({{ utc_date(as_of()) }} - {{ var('exposure_window_days') | int - 1 }})
{%- endmacro %}

{#- The first day of a date's month. -#}
{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}
