CREATE INDEX people_changed_at_idx ON people (tenant_id, changed_at);
ALTER TABLE item_examinations DROP COLUMN people_version;
DROP TRIGGER people_bump_insert ON people;
DROP TRIGGER people_bump_update ON people;
DROP TRIGGER people_bump_delete ON people;
DROP FUNCTION bump_people_version();
DROP TABLE people_versions;
