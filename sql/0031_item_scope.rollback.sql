-- names that are two exams' get their exam's before them
UPDATE questions AS q SET external_ref = q.exam_code || ':' || q.external_ref
WHERE q.exam_code IS NOT NULL AND EXISTS (
    SELECT 1 FROM questions AS o
    WHERE o.tenant_id = q.tenant_id AND o.external_ref = q.external_ref AND o.id <> q.id
);
DROP INDEX questions_external_ref_idx;
DROP INDEX questions_exam_code_external_ref_key;
DROP INDEX questions_tenant_id_external_ref_key;
ALTER TABLE questions ADD CONSTRAINT questions_tenant_id_external_ref_key
UNIQUE (tenant_id, external_ref);
ALTER TABLE questions DROP COLUMN exam_code;
