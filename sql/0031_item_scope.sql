-- An item's name is its exam's: two forms with an item 1 have two questions, unless they are asked
-- to share them.
-- depends: 0030_scoring_rules
ALTER TABLE questions ADD COLUMN exam_code text REFERENCES exams (exam_code);
ALTER TABLE questions DROP CONSTRAINT questions_tenant_id_external_ref_key;
-- without an exam the name is the tenant's, as authors give it
CREATE UNIQUE INDEX questions_tenant_id_external_ref_key ON questions (tenant_id, external_ref)
WHERE exam_code IS NULL;
CREATE UNIQUE INDEX questions_exam_code_external_ref_key ON questions (exam_code, external_ref);
CREATE INDEX questions_external_ref_idx ON questions (tenant_id, external_ref);
