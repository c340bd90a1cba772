-- Each event, as often as it came; of equal ids the newest is kept when parts are merged, and `events_once`
-- has each id once at any time. The time is no part of the order: an alarm that is raised again, or a step
-- that is taken again after the database went back, has the same id at another time. Parts know their first
-- and last time all the same, so that a query of the last hour reads new parts alone.
CREATE TABLE IF NOT EXISTS events (
    event_id UUID,
    tenant_id LowCardinality(String),
    type LowCardinality(String),
    aggregatetype LowCardinality(String),
    aggregateid String,
    occurred_at DateTime64(3, 'UTC'),
    data String CODEC (ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, type, aggregateid, event_id);

CREATE VIEW IF NOT EXISTS events_once AS SELECT * FROM events FINAL;

-- what is no event, by where it came from
CREATE TABLE IF NOT EXISTS event_rejects (
    topic LowCardinality(String),
    partition_number UInt32,
    message_offset UInt64,
    reason String,
    value String CODEC (ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(inserted_at)
ORDER BY (topic, partition_number, message_offset);
