-- What clients of the first designs leave out: an exam that is not named is the tenant's default, and a
-- topic is found by its name.
-- depends: 0053_more_requests

ALTER TABLE exams ADD COLUMN is_default boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX exams_tenant_id_default_key ON exams (tenant_id) WHERE is_default;
GRANT UPDATE (is_default) ON exams TO qbank_delivery;

CREATE INDEX topics_tenant_id_name_idx ON topics (tenant_id, name);
CREATE INDEX topics_tenant_id_blueprint_code_idx ON topics (tenant_id, blueprint_code);
