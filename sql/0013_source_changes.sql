-- What changed or went in the tables that the marts follow. New rows are found by their own clocks;
-- a row that is changed or deleted would take its old keys with it, so they are written down here.
-- depends: 0011_audit_log

-- A transaction's number is given out before it commits, so a reader keeps the oldest one that was
-- still running when it read, and begins there again: nothing that commits late is passed over.
CREATE TABLE source_changes (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind text NOT NULL CHECK (kind IN ('quiz', 'user', 'topic', 'question')),
    key text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX source_changes_kind_idx ON source_changes (kind, xid);

-- Keys that rows of a fact table had before they were replaced or removed.
CREATE TABLE mart_replaced (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    fact text NOT NULL,
    quiz_id text NOT NULL,
    exam_code text NOT NULL,
    user_id text NOT NULL,
    question_id bigint,
    started_on date NOT NULL,
    ended_on date,
    replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mart_replaced_fact_idx ON mart_replaced (fact, replaced_at);

-- How far each incremental model has read; one without a row is built anew.
CREATE TABLE mart_reads (
    model text PRIMARY KEY,
    source_xid xid8,
    loaded_until timestamptz,
    next_xid xid8,
    next_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, DELETE ON source_changes TO qbank_orchestration;
GRANT SELECT, INSERT, DELETE ON mart_replaced TO qbank_orchestration;
GRANT SELECT, INSERT, UPDATE, DELETE ON mart_reads TO qbank_orchestration;

-- Argument: kind; the rows of the statement are in `gone`, and for an update also in `came`.
CREATE FUNCTION log_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO public.source_changes (kind, key) SELECT DISTINCT %L, %I FROM gone',
        TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;

CREATE FUNCTION log_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO public.source_changes (kind, key)'
        ' SELECT %L, %2$I FROM gone UNION SELECT %1$L, %2$I FROM came', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;

CREATE FUNCTION log_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO public.source_changes (kind, key) SELECT DISTINCT %L, %I FROM came',
        TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;

CREATE FUNCTION log_changed_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.source_changes (kind, key) VALUES (TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[1]);
    RETURN NULL;
END $$;

CREATE FUNCTION forget_reads() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM public.mart_reads;
    RETURN NULL;
END $$;

-- Delivery moves theta with each item and seals once: neither writes here. By row and column, for
-- a statement's trigger cannot tell columns apart.
CREATE TRIGGER quiz_sessions_log_update AFTER UPDATE OF
user_id, tenant_id, exam_code, mode, adaptive, started_at, expires_at, sealed_at ON quiz_sessions
FOR EACH ROW WHEN (
    (OLD.user_id, OLD.tenant_id, OLD.exam_code, OLD.mode, OLD.adaptive, OLD.started_at,
        OLD.expires_at)
    IS DISTINCT FROM
    (NEW.user_id, NEW.tenant_id, NEW.exam_code, NEW.mode, NEW.adaptive, NEW.started_at,
        NEW.expires_at)
    OR (OLD.sealed_at IS NOT NULL AND OLD.sealed_at IS DISTINCT FROM NEW.sealed_at)
) EXECUTE FUNCTION log_changed_row('quiz', 'id');
CREATE TRIGGER quiz_sessions_log_delete AFTER DELETE ON quiz_sessions
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION log_removed('quiz', 'id');

CREATE TRIGGER quiz_items_log_update AFTER UPDATE ON quiz_items
REFERENCING OLD TABLE AS gone NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION log_changed('quiz', 'quiz_id');
CREATE TRIGGER quiz_items_log_delete AFTER DELETE ON quiz_items
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION log_removed('quiz', 'quiz_id');

CREATE TRIGGER user_responses_log_update AFTER UPDATE ON user_responses
REFERENCING OLD TABLE AS gone NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION log_changed('quiz', 'quiz_id');
CREATE TRIGGER user_responses_log_delete AFTER DELETE ON user_responses
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION log_removed('quiz', 'quiz_id');

-- an assignment may be entered long after it was made, so new ones are written down as well
CREATE TRIGGER cohort_assignments_log_insert AFTER INSERT ON cohort_assignments
REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION log_inserted('user', 'user_id');
CREATE TRIGGER cohort_assignments_log_update AFTER UPDATE ON cohort_assignments
REFERENCING OLD TABLE AS gone NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION log_changed('user', 'user_id');
CREATE TRIGGER cohort_assignments_log_delete AFTER DELETE ON cohort_assignments
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION log_removed('user', 'user_id');

CREATE TRIGGER topics_log_update AFTER UPDATE OF parent_id ON topics
FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id)
EXECUTE FUNCTION log_changed_row('topic', 'id');
CREATE TRIGGER question_versions_log_update AFTER UPDATE OF topic_id ON question_versions
FOR EACH ROW WHEN (OLD.topic_id IS DISTINCT FROM NEW.topic_id)
EXECUTE FUNCTION log_changed_row('question', 'question_id');

DO $$
DECLARE
    name text;
    logging record;
BEGIN
    FOREACH name IN ARRAY ARRAY['quiz_sessions', 'quiz_items', 'user_responses',
        'cohort_assignments', 'topics', 'question_versions'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %I FOR EACH STATEMENT'
            ' EXECUTE FUNCTION forget_reads()', name || '_log_truncate', name);
    END LOOP;
    -- bulk loads that suspend foreign keys suspend ordinary triggers with them
    FOR logging IN SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE tgname ~ '_log_(insert|update|delete|truncate)$' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', logging.relation, logging.tgname);
    END LOOP;
END $$;
