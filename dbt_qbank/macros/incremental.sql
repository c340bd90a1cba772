{#- What incremental models share: the lock, the watermarks and the upsert.
    A mart row carries `loaded_at`, the clock when it was last written. A model that reads a mart
    takes the rows with a later `loaded_at` than its own newest, recomputes every key they touch
    from scratch and replaces it: never a difference added on top, so that a rerun changes nothing
    and a crash between two models loses nothing. -#}

{#- Builds of one model stand in line. With `loading_clock`, taken after the lock, a later commit
    always carries a later `loaded_at`, so a watermark never skips a row. An advisory lock and not
    one of the table, which would wait for autovacuum. -#}
{% macro lock_this() -%}
    select pg_advisory_xact_lock(hashtextextended('{{ this }}', 0))
{%- endmacro %}

{#- A scalar subquery is evaluated once a statement, so all rows of a build carry one time. -#}
{% macro loading_clock() -%}
    (select clock_timestamp())
{%- endmacro %}

{#- The newest `loaded_at` of a relation that the model reads from. -#}
{% macro newest_load(relation) -%}
    (select max(newest.loaded_at) from {{ relation }} as newest)
{%- endmacro %}

{#- Rows of an upstream mart that were written after this model last read it. -#}
{% macro written_since(alias) -%}
    {{ alias }}.loaded_at > (
        select coalesce(max(mine.loaded_at), '-infinity') from {{ this }} as mine
    )
{%- endmacro %}

{#- The rows of `source`, a step of the model or a table, that have the keys of `row`: looked up key
    by key, for the planner takes a third of any table for touched (`offset 0` keeps it so). -#}
{% macro looked_up(source, row, keys, columns=['*']) -%}
    lateral (
        select
        {%- for column in columns %} looked.{{ column }}{{ "," if not loop.last }} {%- endfor %}
        from {{ source }} as looked
        where
        {%- for key in keys %}
            {{ "and " if not loop.first }}looked.{{ key }} = {{ row }}.{{ key }}
        {%- endfor %}
        offset 0
    )
{%- endmacro %}

{#- The rows of `source` that have the keys of the model's step `touched`, or of another step. -#}
{% macro rows_of_touched(source, keys, columns=['*'], touched='touched') -%}
    select found.*
    from {{ touched }}
    inner join {{ looked_up(source, touched, keys, columns) }} as found on true
{%- endmacro %}

{#- The source time from which a build looks again: rows get their time when their transaction
    starts and appear when it commits, so the newest seen is not the end of what was missed. A
    time from the future must not hide what comes after it, hence least(). -#}
{% macro lookback_start(column) -%}
    (
        select
            least(coalesce(max(seen.{{ column }}), '-infinity'), now())
            - interval '{{ var("lookback_days") }} days'
        from {{ this }} as seen
    )
{%- endmacro %}

{#- Incremental strategy `upsert`: INSERT … ON CONFLICT. It probes the key's index once a new row,
    where delete+insert and merge may scan the whole target. -#}
{% macro get_incremental_upsert_sql(arg_dict) %}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set key = [key] if key is string else key -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="name") | list -%}
    insert into {{ arg_dict["target_relation"] }} ({{ get_quoted_csv(columns) }})
    select {{ get_quoted_csv(columns) }} from {{ arg_dict["temp_relation"] }}
    on conflict ({{ get_quoted_csv(key) }}) do update set
    {%- for column in columns if column not in key %}
        {{ adapter.quote(column) }} = excluded.{{ adapter.quote(column) }}
        {{- "," if not loop.last }}
    {%- endfor %}
{% endmacro %}
