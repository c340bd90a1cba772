{#- How far each model has read, and what was touched since. Docs: docs/adr/0001. -#}

{#- A model that has not read, or is gone, is built anew; so is the reader of a fact that was. -#}
{% macro should_full_refresh() %}
    {%- if flags.FULL_REFRESH or not execute or model.config.materialized != 'incremental' %}
        {{ return(flags.FULL_REFRESH) }}
    {%- endif %}
    {%- set decided = graph.setdefault('built_anew', {}) %}
    {%- if model.unique_id not in decided %}
        {%- set query %}
            select to_regclass('{{ this }}') is null or not exists (
                select 1 from public.mart_reads where model = '{{ this.identifier }}'
            )
        {%- endset %}
        {%- do decided.update({model.unique_id: run_query(query)[0][0]}) %}
    {%- endif %}
    {{ return(decided[model.unique_id]) }}
{% endmacro %}

{#- Before a model reads: where its next build will begin. Taken first, so that what commits in
    between is read twice and never passed over. Then the keys it will replace, found once: what is
    taken out is what was computed, whatever commits between the two. -#}
{% macro begin_reading() %}
    {%- set touches = model.config.meta.get('touches') %}
    insert into public.mart_reads (model, next_xid, next_until)
    select
        '{{ this.identifier }}',
        pg_snapshot_xmin(pg_current_snapshot()),
        {%- if touches %}
        greatest(
            (select max(loaded_at) from {{ ref(touches['fact']) }}),
            (select max(replaced_at) from public.mart_replaced where fact = '{{ touches['fact'] }}'),
            '-infinity'
        )
        {%- else %}
        null
        {%- endif %}
    on conflict (model) do update
    set next_xid = excluded.next_xid, next_until = excluded.next_until
    {%- if touches and is_incremental() %};
    create temporary table {{ touched(touches) }} on commit drop as {{ touched_since(touches) }}
    {%- endif %}
{% endmacro %}

{#- The relation of the keys that this build replaces; a unit test has no hooks that make
    it, and a linter no model. -#}
{% macro touched(touches) -%}
    {%- if model is defined and model.resource_type == 'unit_test' -%}
    ({{ touched_since(touches) }}) as touched_keys
    {%- else -%}
    pg_temp.{{ this.identifier }}__touched
    {%- endif -%}
{%- endmacro %}

{#- After it has written. A fact that was built anew has no old keys to tell: its readers are, too. -#}
{% macro end_reading() %}
    {%- if execute and should_full_refresh() %}
    {%- set readers = [] %}
    {%- for node in graph.nodes.values() if model.unique_id in node.depends_on.nodes %}
        {%- do readers.append(node.name) %}
    {%- endfor %}
    delete from public.mart_reads where model = any(array[{% for name in readers %}'{{ name }}', {% endfor %}'']);
    {%- endif %}
    update public.mart_reads set source_xid = next_xid, loaded_until = next_until
    where model = '{{ this.identifier }}'
{% endmacro %}

{#- The models that follow each fact, by its name. -#}
{% macro readers_of_facts() %}
    {%- set readers = {} %}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' %}
        {%- set touches = node.config.meta.get('touches') %}
        {%- if touches %}
            {%- do readers.setdefault(touches['fact'], []).append(node.name) %}
        {%- endif %}
    {%- endfor %}
    {{ return(readers) }}
{% endmacro %}

{#- What all have read is forgotten, and models that are no more no longer hold it. -#}
{% macro forget_what_was_read() %}
    {%- if execute and flags.WHICH in ('run', 'build') %}
    delete from public.mart_reads where model <> all(array[
        {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' %}
        '{{ node.name }}',
        {%- endfor %}
        ''
    ]);
    delete from public.source_changes
    where xid < (select min(source_xid) from public.mart_reads);
    {#- by fact, for what its own readers have read: a key may be of a person who was erased -#}
    {%- for fact, readers in readers_of_facts().items() %}
    delete from public.mart_replaced
    where
        fact = '{{ fact }}'
        and replaced_at <= (
            select min(reads.loaded_until)
            from public.mart_reads as reads
            where reads.model = any(array['{{ readers | join("', '") }}'])
        );
    {%- endfor %}
    {%- endif %}
{% endmacro %}

{#- The time up to which this model has read its facts. -#}
{% macro read_until() -%}
    (
        select reads.loaded_until
        from public.mart_reads as reads
        where reads.model = '{{ this.identifier }}'
    )
{%- endmacro %}

{#- Keys of the kind that changed or went since this model last read. -#}
{% macro changed_keys(kind, type='text') -%}
    select distinct cast(changes.key as {{ type }}) as key
    from public.source_changes as changes
    where
        changes.kind = '{{ kind }}'
        and changes.xid >= (
            select reads.source_xid
            from public.mart_reads as reads
            where reads.model = '{{ this.identifier }}'
        )
{%- endmacro %}

{#- Keys that rows of a fact have since this model last read it, or had before.
    `touches`: the fact; the model's `keys`; for each way of coming by them (`by`) one expression a
    key, over exam_code, user_id, started_on and ended_on. -#}
{% macro touched_since(touches) -%}
    {%- set fact = touches['fact'] %}
    {%- for expressions in touches['by'] %}
    select distinct
    {%- for key in touches['keys'] %}
        {{ expressions[loop.index0] }} as {{ key }}{{ "," if not loop.last }}
    {%- endfor %}
    from (
        select
            facts.exam_code,
            facts.user_id,
            {{ "facts.session_started_on" if fact == 'fact_responses' else "facts.started_on" }}
                as started_on,
            {{ "cast(null as date)" if fact == 'fact_responses' else "facts.ended_on" }} as ended_on
        from {{ ref(fact) }} as facts
        where facts.loaded_at > {{ read_until() }}
        union all
        select
            replaced.exam_code,
            replaced.user_id,
            replaced.started_on,
            replaced.ended_on
        from public.mart_replaced as replaced
        where replaced.fact = '{{ fact }}' and replaced.replaced_at > {{ read_until() }}
    ) as rows_of_fact
    where {{ expressions[-1] }} is not null
    {{ "union" if not loop.last }}
    {%- endfor %}
    {%- if touches.get('by_topic') %}
    -- users whose answers lie below a topic that was moved: each has a row of that topic
    union
    select distinct
        mastered.user_id,
        mastered.exam_code
    from ({{ changed_keys('topic', 'bigint') }}) as moved
    cross join lateral (
        select known.user_id, known.exam_code
        from {{ this }} as known
        where known.topic_id = moved.key
        offset 0
    ) as mastered
    {%- endif %}
{%- endmacro %}

{#- Takes rows of quizzes that changed or went out of a fact, with their old keys kept; what is there
    still is new to the model, which reads it again. -#}
{% macro take_out_changed() %}
    {%- if is_incremental() %}
    {%- set of_responses = this.identifier == 'fact_responses' %}
    with changed as (
        {{ changed_keys('quiz') }}
        {%- if of_responses %}
        union
        select answered.quiz_id
        from ({{ changed_keys('question', 'bigint') }}) as questions
        cross join lateral (
            select facts.quiz_id from {{ this }} as facts
            where facts.question_id = questions.key
            offset 0
        ) as answered
        {%- endif %}
    ),

    gone as (
        delete from {{ this }} as facts
        where facts.ctid = any(array(
            select found.ctid
            from changed
            cross join lateral (
                select old.ctid from {{ this }} as old where old.quiz_id = changed.key offset 0
            ) as found
        ))
        returning facts.*
    )

    insert into public.mart_replaced
    (fact, quiz_id, exam_code, user_id, question_id, started_on, ended_on)
    select
        '{{ this.identifier }}', gone.quiz_id, gone.exam_code, gone.user_id,
        {{ "gone.question_id, gone.session_started_on, null" if of_responses
            else "null, gone.started_on, gone.ended_on" }}
    from gone
    {%- endif %}
{% endmacro %}

{#- The rows that this build took out. -#}
{% macro taken_out() -%}
    select distinct
        replaced.quiz_id,
        replaced.user_id,
        replaced.question_id
    from public.mart_replaced as replaced
    where replaced.fact = '{{ this.identifier }}' and replaced.xid = pg_current_xact_id()
{%- endmacro %}
