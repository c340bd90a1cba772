-- What is found of items between groups of people rests on their attributes, which an undo or an erasure
-- may take away whole. How often they changed says so; moments do not: what is removed leaves none, and
-- a change that began before an examination may end after it.
-- depends: 0049_void_sittings

CREATE TABLE people_versions (
    tenant_id text PRIMARY KEY CHECK (tenant_id <> ''),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON people_versions TO qbank_orchestration;
INSERT INTO people_versions (tenant_id) SELECT DISTINCT p.tenant_id FROM people AS p;

CREATE FUNCTION bump_people_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO people_versions (tenant_id) SELECT DISTINCT c.tenant_id FROM changed AS c ORDER BY 1
    ON CONFLICT (tenant_id) DO UPDATE SET version = people_versions.version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER people_bump_insert AFTER INSERT ON people REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bump_people_version();
CREATE TRIGGER people_bump_update AFTER UPDATE ON people REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bump_people_version();
CREATE TRIGGER people_bump_delete AFTER DELETE ON people REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bump_people_version();
-- bulk loads that suspend ordinary triggers
ALTER TABLE people ENABLE ALWAYS TRIGGER people_bump_insert;
ALTER TABLE people ENABLE ALWAYS TRIGGER people_bump_update;
ALTER TABLE people ENABLE ALWAYS TRIGGER people_bump_delete;

-- null: not known, so that it is examined again
ALTER TABLE item_examinations ADD COLUMN people_version bigint DEFAULT 0 CHECK (people_version >= 0);
UPDATE item_examinations AS e SET people_version = NULL
WHERE e.summary -> 'attributes' <> '{}'
    OR EXISTS (SELECT FROM people_versions AS v WHERE v.tenant_id = e.tenant_id);
DROP INDEX people_changed_at_idx;
