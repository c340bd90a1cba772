{#- What incremental models share: the lock, the reads and the strategies. Docs: docs/adr/0001.
    A model writes down how far it has read (`mart_reads`), takes the keys that were touched since,
    old and new ones, recomputes each from scratch and replaces it: never a difference added on top,
    so that a rerun changes nothing and a crash between two models loses nothing. -#}

{#- Builds of one model stand in line. With `loading_clock`, taken after the lock, a later commit
    always carries a later `loaded_at`, so a reader never skips a row. An advisory lock and not
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
    where delete+insert and merge may scan the whole target. Keys that a fact's row leaves are kept
    for those who read it. -#}
{% macro get_incremental_upsert_sql(arg_dict) %}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="name") | list -%}
    {%- if 'ended_on' in columns %}
    insert into public.mart_replaced (fact, quiz_id, exam_code, user_id, started_on, ended_on)
    select '{{ this.identifier }}', was.quiz_id, was.exam_code, was.user_id, was.started_on, was.ended_on
    from {{ arg_dict["temp_relation"] }} as now_is
    inner join {{ looked_up(arg_dict["target_relation"], 'now_is', [key]) }} as was on true
    where
        (was.exam_code, was.user_id, was.started_on, was.ended_on)
        is distinct from (now_is.exam_code, now_is.user_id, now_is.started_on, now_is.ended_on);
    {%- endif %}
    insert into {{ arg_dict["target_relation"] }} ({{ get_quoted_csv(columns) }})
    select {{ get_quoted_csv(columns) }} from {{ arg_dict["temp_relation"] }}
    on conflict ({{ adapter.quote(key) }}) do update set
    {%- for column in columns if column != key %}
        {{ adapter.quote(column) }} = excluded.{{ adapter.quote(column) }}
        {{- "," if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- Incremental strategy `replace_touched`: every touched key goes, whether it has rows still or not,
    and comes back with what the model computed for it. Looked up key by key: joined, the planner reads
    the whole target. -#}
{% macro get_incremental_replace_touched_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set touches = config.get('meta')['touches'] -%}
    {%- set columns = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name")) -%}
    delete from {{ target }} as old
    where old.ctid = any(array(
        select found.ctid
        from {{ touched(touches) }} as keys
        inner join {{ looked_up(target, 'keys', touches['keys'], ['ctid']) }} as found on true
    ));
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}
