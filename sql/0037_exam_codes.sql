-- Two tenants may give their exams one code. Inside, an exam has a key that is nobody else's: its code
-- where that was free, else the code and its tenant. What its tenant calls it follows from the key.
-- depends: 0036_tenant_keys

-- The key of an exam whose code another tenant's has taken. A tenant's name may be any text, and keys
-- stand in partitions, file names and addresses.
CREATE FUNCTION exam_key(code text, tenant text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN code || '@' || CASE
    WHEN tenant ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' THEN tenant
    ELSE 'tenant-' || left(md5(tenant), 12)
END;

DO $$
DECLARE
    name text;
BEGIN
    SELECT c.conname INTO STRICT name FROM pg_constraint AS c
    WHERE c.conrelid = 'exams'::regclass AND c.contype = 'c'
        AND c.conkey = ARRAY[(
            SELECT a.attnum FROM pg_attribute AS a
            WHERE a.attrelid = c.conrelid AND a.attname = 'exam_code'
        )];
    EXECUTE format('ALTER TABLE exams DROP CONSTRAINT %I', name);
END $$;

ALTER TABLE exams
ADD COLUMN code text NOT NULL GENERATED ALWAYS AS (split_part(exam_code, '@', 1)) STORED
CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
ADD CONSTRAINT exams_key_check CHECK (exam_code IN (code, exam_key(code, tenant_id))),
ADD CONSTRAINT exams_code_key UNIQUE (tenant_id, code);
