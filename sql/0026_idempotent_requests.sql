-- Changes that carry an Idempotency-Key: written in the change's own transaction, so that the same
-- request again finds what it did, whichever process it reaches.
-- depends: 0023_walls
CREATE TABLE idempotent_requests (
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    user_id text NOT NULL CHECK (user_id <> ''),
    key text NOT NULL CHECK (key ~ '^[A-Za-z0-9._-]{8,128}$'),
    fingerprint text NOT NULL,
    status smallint CHECK (status BETWEEN 200 AND 299),
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, key),
    CHECK ((status IS NULL) = (body IS NULL))
);

ALTER TABLE idempotent_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotent_requests TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE (status, body) ON idempotent_requests TO qbank_delivery;
