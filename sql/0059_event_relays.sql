-- How far each sink has been told what happened, and what one of them would not take.
-- depends: 0058_event_outbox

-- the relay reads by position, and waits for those who still write: a cut by transaction would break
-- the order where a later step has the lower transaction id
DROP INDEX event_outbox_transaction_idx;
CREATE INDEX event_outbox_position_idx ON event_outbox (position);

CREATE TABLE event_relays (
    sink text PRIMARY KEY CHECK (sink <> ''),
    -- up to here every event was delivered or set aside
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- whoever leads has the newest; an older one moves nothing any more
    epoch bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    heard_at timestamptz NOT NULL DEFAULT '-infinity',
    -- it has nothing to do, and wants to be woken until then
    waits_until timestamptz,
    delivered bigint NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    -- why it does not get on
    problem text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- by reference: what an event says stays in the outbox alone, as long as that keeps it
CREATE TABLE event_dead_letters (
    sink text NOT NULL REFERENCES event_relays (sink),
    position bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    set_aside_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    replayed_at timestamptz,
    PRIMARY KEY (sink, position)
);

ALTER TABLE event_relays ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_sink ON event_relays TO qbank_orchestration USING (true);
CREATE POLICY every_sink ON event_dead_letters TO qbank_orchestration USING (true);
GRANT SELECT, INSERT, UPDATE ON event_relays, event_dead_letters TO qbank_orchestration;

-- a NOTIFY makes commits wait for each other, so there is one only while a relay waits for it
CREATE FUNCTION wake_relays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM public.event_relays AS r WHERE r.waits_until > clock_timestamp()) THEN
        PERFORM pg_notify('qbank_events', '');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION wake_relays() FROM PUBLIC;
CREATE TRIGGER event_outbox_wakes_relays AFTER INSERT ON event_outbox
FOR EACH STATEMENT EXECUTE FUNCTION wake_relays();
