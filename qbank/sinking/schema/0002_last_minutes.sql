-- Of the last hour by the minute, for live dashboards.
CREATE VIEW IF NOT EXISTS events_last_minutes AS
SELECT
    tenant_id,
    toStartOfMinute(occurred_at) AS minute,
    type,
    uniqExact(event_id) AS events
FROM events
WHERE occurred_at > now64(3) - INTERVAL 1 HOUR
GROUP BY tenant_id, minute, type;
