-- What happened, for whoever reads along: each row is written by the statement of the step that it tells
-- of, so both are there or neither is. Columns are named as Debezium's outbox router reads them. A day is
-- a partition, made ahead and dropped whole; it has a schema that no role but the owner looks into.
-- depends: 0057_compromised_items 0056_exam_reports 0055_service_accounts 0054_partial_credit

CREATE SCHEMA event_days;

CREATE TABLE event_outbox (
    occurred_at timestamptz NOT NULL DEFAULT now(),
    -- order within an aggregate; given before commit, so a reader waits for those who still write
    position bigint GENERATED ALWAYS AS IDENTITY,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- made of what happened: the same step has the same one
    id uuid NOT NULL,
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    aggregatetype text NOT NULL CHECK (aggregatetype IN ('quiz', 'item', 'exam')),
    aggregateid text NOT NULL CHECK (aggregateid <> ''),
    type text NOT NULL CHECK (type <> ''),
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    PRIMARY KEY (occurred_at, position)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX event_outbox_transaction_idx ON event_outbox (transaction, position);

ALTER TABLE event_outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_outbox TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY every_tenant ON event_outbox TO qbank_orchestration USING (true);
GRANT INSERT ON event_outbox TO qbank_delivery;
GRANT SELECT, INSERT ON event_outbox TO qbank_orchestration;

-- where no day was made in time, so that a step never fails for want of a partition
CREATE TABLE event_days.rest PARTITION OF event_outbox DEFAULT;
ALTER TABLE event_days.rest ENABLE ROW LEVEL SECURITY;

-- the id of an event by the name of what happened: a UUID of version 8 (RFC 9562)
CREATE FUNCTION event_id(name text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT overlay(overlay(
        encode(substr(sha256(convert_to(name, 'UTF8')), 1, 16), 'hex')
        PLACING '8' FROM 13 FOR 1) PLACING '8' FROM 17 FOR 1)::uuid
$$;

-- makes today's partition and those of the days ahead (UTC); returns how many were not there. A day
-- that has rows in the rest already stays there.
CREATE FUNCTION make_event_days(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
-- whoever waits here for a reader keeps others waiting: the next one tries again
SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    begins timestamptz;
    name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('days of events', 0));
    FOR step IN 0..least(ahead, 366) LOOP
        begins := date_trunc('day', now()) + make_interval(days => step);
        name := 'outbox_' || to_char(begins, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('event_days.' || name) IS NOT NULL OR EXISTS (
            SELECT FROM event_days.rest AS r
            WHERE r.occurred_at >= begins AND r.occurred_at < begins + interval '1 day'
        );
        -- made apart and attached: that lets others read and write the whole
        EXECUTE format(
            'CREATE TABLE event_days.%I (LIKE public.event_outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
            name
        );
        EXECUTE format('ALTER TABLE event_days.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'ALTER TABLE public.event_outbox ATTACH PARTITION event_days.%I FOR VALUES FROM (%L) TO (%L)',
            name, begins, begins + interval '1 day'
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- drops the partitions of days before one, which is today at the latest; returns how many
CREATE FUNCTION drop_event_days(before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    kept constant date := least(before, now()::date);
    name text;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('days of events', 0));
    FOR name IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.event_outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$'
            AND to_date(right(c.relname, 8), 'YYYYMMDD') < kept
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE event_days.%I', name);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM event_days.rest WHERE occurred_at < kept;
    RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION make_event_days(integer), drop_event_days(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_event_days(integer), drop_event_days(date) TO qbank_orchestration;
DO $$ BEGIN PERFORM make_event_days(7); END $$;
