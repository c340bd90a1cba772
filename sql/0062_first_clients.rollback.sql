DROP INDEX topics_tenant_id_blueprint_code_idx;
DROP INDEX topics_tenant_id_name_idx;
ALTER TABLE exams DROP COLUMN is_default;
