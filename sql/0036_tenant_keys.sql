-- A row names things of its own tenant alone, and the keys say so. Foreign keys are checked without
-- row-level security, so that a plain one lets delivery point at whatever it cannot see.
--
-- Whatever names an exam, or a question and a topic, carries its tenant, and its keys are composite.
-- Left without one are
--   question_options, question_reviews, bank_versions, quiz_results, response_history: they name a
--     single parent, and no other tenant can be in them (of the last two, delivery writes no import);
--   quiz_items, user_responses: by far the largest, with a key for each row served. They name their
--     quiz, and an answer what was served; delivery's wall, below, asks for an item of the tenant;
--   question_publication_history, mart_replaced: written by triggers from rows that have these keys.
-- depends: 0035_imported_items

DO $$
DECLARE
    strays text [];
BEGIN
    SELECT array_agg(
        format('%s (tenant %s) names %s (tenant %s)', n.what, n.tenant, n.other, n.others_tenant)
        ORDER BY n.what, n.other
    ) INTO strays
    FROM (
        SELECT 'topic ' || t.id AS what, t.tenant_id AS tenant, 'topic ' || p.id AS other,
            p.tenant_id AS others_tenant
        FROM topics AS t JOIN topics AS p ON p.id = t.parent_id
        UNION ALL
        SELECT 'question ' || q.id, q.tenant_id, 'exam ' || e.exam_code, e.tenant_id
        FROM questions AS q JOIN exams AS e ON e.exam_code = q.exam_code
        UNION ALL
        SELECT format('version %s of question %s', v.version, q.id), q.tenant_id,
            'topic ' || t.id, t.tenant_id
        FROM question_versions AS v JOIN questions AS q ON q.id = v.question_id
        JOIN topics AS t ON t.id = v.topic_id
        UNION ALL
        SELECT format('version %s of question %s', v.version, q.id), q.tenant_id,
            'import ' || b.id, e.tenant_id
        FROM question_versions AS v JOIN questions AS q ON q.id = v.question_id
        JOIN import_batches AS b ON b.id = v.import_batch_id
        JOIN exams AS e ON e.exam_code = b.exam_code
        UNION ALL
        SELECT 'publication of question ' || q.id, q.tenant_id, 'exam ' || e.exam_code, e.tenant_id
        FROM question_publications AS p JOIN questions AS q ON q.id = p.question_id
        JOIN exams AS e ON e.exam_code = p.exam_code
        UNION ALL
        SELECT format('publication of question %s in exam %s', q.id, p.exam_code), p.tenant_id,
            'question ' || q.id, q.tenant_id
        FROM question_publications AS p JOIN questions AS q ON q.id = p.question_id
        UNION ALL
        SELECT 'quiz ' || s.id, s.tenant_id, 'exam ' || e.exam_code, e.tenant_id
        FROM quiz_sessions AS s JOIN exams AS e USING (exam_code)
        UNION ALL
        SELECT 'blueprint of exam ' || e.exam_code, e.tenant_id, 'topic ' || t.id, t.tenant_id
        FROM exam_blueprints AS b JOIN exams AS e USING (exam_code)
        JOIN topics AS t ON t.id = b.topic_id
        UNION ALL
        SELECT i.source || ' of exam ' || e.exam_code, e.tenant_id, 'question ' || q.id, q.tenant_id
        FROM (
            SELECT DISTINCT 'exposure_daily' AS source, exam_code, question_id FROM exposure_daily
            UNION SELECT 'item_calibration', exam_code, question_id FROM item_calibration
            UNION SELECT 'item_stats_ctt', exam_code, question_id FROM item_stats_ctt
            UNION SELECT 'item_exposure_control', exam_code, question_id FROM item_exposure_control
            UNION SELECT 'item_exposure_history', exam_code, question_id FROM item_exposure_history
            UNION SELECT 'scoring_rules', exam_code, question_id FROM scoring_rules
        ) AS i JOIN exams AS e ON e.exam_code = i.exam_code
        JOIN questions AS q ON q.id = i.question_id
        UNION ALL
        SELECT i.source || ' of exam ' || e.exam_code, e.tenant_id, 'run ' || r.id, x.tenant_id
        FROM (
            SELECT DISTINCT 'item_calibration' AS source, exam_code, run_id FROM item_calibration
            UNION SELECT 'item_exposure_control', exam_code, run_id FROM item_exposure_control
            UNION SELECT 'item_exposure_history', exam_code, run_id FROM item_exposure_history
        ) AS i JOIN exams AS e USING (exam_code) JOIN calibration_runs AS r ON r.id = i.run_id
        JOIN exams AS x ON x.exam_code = r.exam_code
        UNION ALL
        SELECT 'scoring rule ' || r.id, e.tenant_id, 'import ' || b.id, x.tenant_id
        FROM scoring_rules AS r JOIN exams AS e USING (exam_code)
        JOIN import_batches AS b ON b.id = r.import_batch_id
        JOIN exams AS x ON x.exam_code = b.exam_code
    ) AS n WHERE n.tenant <> n.others_tenant;
    IF strays IS NOT NULL THEN
        RAISE EXCEPTION 'rows name something of another tenant (%): %', cardinality(strays),
            array_to_string(strays [:20], '; ')
            || CASE WHEN cardinality(strays) > 20 THEN '; ...' ELSE '' END
            USING ERRCODE = 'foreign_key_violation',
            HINT = 'Delete each such row, or let it name something of its own tenant, and migrate'
                ' again (of what is append-only, disable that trigger meanwhile).'
                ' Nothing has been changed.';
    END IF;
END $$;

ALTER TABLE exams ADD CONSTRAINT exams_of_tenant_key UNIQUE (exam_code, tenant_id);
ALTER TABLE topics ADD CONSTRAINT topics_of_tenant_key UNIQUE (id, tenant_id);
ALTER TABLE questions ADD CONSTRAINT questions_of_tenant_key UNIQUE (id, tenant_id);

CREATE FUNCTION tenant_of_exam(exam text) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT e.tenant_id FROM exams AS e WHERE e.exam_code = exam);
CREATE FUNCTION tenant_of_question(question bigint) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT q.tenant_id FROM questions AS q WHERE q.id = question);
REVOKE ALL ON FUNCTION tenant_of_exam(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION tenant_of_question(bigint) FROM PUBLIC;

-- Who writes a row says what it is of; its tenant follows. Of nothing that is there, it is nobody's,
-- and the foreign key tells of it.
CREATE FUNCTION take_tenant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_ARGV[0] = 'question' THEN
        NEW.tenant_id := coalesce(public.tenant_of_question(NEW.question_id), '');
    ELSE
        NEW.tenant_id := coalesce(public.tenant_of_exam(NEW.exam_code), '');
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE
    name text;
    owner text;
    owner_key text;
BEGIN
    FOR name, owner, owner_key IN VALUES
        ('question_versions', 'question', 'question_id'),
        ('exam_blueprints', 'exam', 'exam_code'), ('exposure_daily', 'exam', 'exam_code'),
        ('calibration_runs', 'exam', 'exam_code'), ('item_calibration', 'exam', 'exam_code'),
        ('item_stats_ctt', 'exam', 'exam_code'), ('item_exposure_control', 'exam', 'exam_code'),
        ('item_exposure_history', 'exam', 'exam_code'), ('import_batches', 'exam', 'exam_code'),
        ('scoring_rules', 'exam', 'exam_code')
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN tenant_id text', name);
        -- a rewrite, for an update would meet the triggers that keep published and past rows
        EXECUTE format('ALTER TABLE %I ALTER tenant_id TYPE text USING tenant_of_%s(%I),'
            ' ALTER tenant_id SET NOT NULL', name, owner, owner_key);
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %I FOR EACH ROW'
            ' WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION take_tenant(%L)',
            name || '_take_tenant', name, owner);
        -- bulk loads that suspend foreign keys suspend ordinary triggers with them
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', name, name || '_take_tenant');
    END LOOP;
END $$;

ALTER TABLE question_versions
ADD CONSTRAINT question_versions_of_tenant_key UNIQUE (question_id, version, tenant_id);
ALTER TABLE calibration_runs
ADD CONSTRAINT calibration_runs_of_tenant_key UNIQUE (id, tenant_id);
ALTER TABLE import_batches ADD CONSTRAINT import_batches_of_tenant_key UNIQUE (id, tenant_id);

ALTER TABLE topics
DROP CONSTRAINT topics_parent_id_fkey,
ADD CONSTRAINT topics_parent_id_fkey
FOREIGN KEY (parent_id, tenant_id) REFERENCES topics (id, tenant_id);

ALTER TABLE questions
DROP CONSTRAINT questions_exam_code_fkey,
ADD CONSTRAINT questions_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id);

ALTER TABLE question_versions
DROP CONSTRAINT question_versions_question_id_fkey,
DROP CONSTRAINT question_versions_topic_id_fkey,
DROP CONSTRAINT question_versions_import_batch_id_fkey,
ADD CONSTRAINT question_versions_question_id_fkey
FOREIGN KEY (question_id, tenant_id) REFERENCES questions (id, tenant_id),
ADD CONSTRAINT question_versions_topic_id_fkey
FOREIGN KEY (topic_id, tenant_id) REFERENCES topics (id, tenant_id),
ADD CONSTRAINT question_versions_import_batch_id_fkey
FOREIGN KEY (import_batch_id, tenant_id) REFERENCES import_batches (id, tenant_id);

ALTER TABLE exam_blueprints
DROP CONSTRAINT exam_blueprints_exam_code_fkey,
DROP CONSTRAINT exam_blueprints_topic_id_fkey,
ADD CONSTRAINT exam_blueprints_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id) ON DELETE CASCADE,
ADD CONSTRAINT exam_blueprints_topic_id_fkey
FOREIGN KEY (topic_id, tenant_id) REFERENCES topics (id, tenant_id);

ALTER TABLE quiz_sessions
DROP CONSTRAINT quiz_sessions_exam_code_fkey,
ADD CONSTRAINT quiz_sessions_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id);

ALTER TABLE question_publications
DROP CONSTRAINT question_publications_question_id_fkey,
DROP CONSTRAINT question_publications_exam_code_fkey,
DROP CONSTRAINT question_publications_question_id_live_version_fkey,
ADD CONSTRAINT question_publications_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id),
ADD CONSTRAINT question_publications_question_id_live_version_fkey
FOREIGN KEY (question_id, live_version, tenant_id)
REFERENCES question_versions (question_id, version, tenant_id);

ALTER TABLE calibration_runs
DROP CONSTRAINT calibration_runs_exam_code_fkey,
ADD CONSTRAINT calibration_runs_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id);

ALTER TABLE import_batches
DROP CONSTRAINT import_batches_exam_code_fkey,
ADD CONSTRAINT import_batches_exam_code_fkey
FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id);

DO $$
DECLARE
    name text;
    origin text;
    origin_table text;
BEGIN
    -- an item in an exam, and the run or import it comes from
    FOR name, origin, origin_table IN VALUES
        ('exposure_daily', NULL, NULL), ('item_stats_ctt', NULL, NULL),
        ('item_calibration', 'run_id', 'calibration_runs'),
        ('item_exposure_control', 'run_id', 'calibration_runs'),
        ('item_exposure_history', 'run_id', 'calibration_runs'),
        ('scoring_rules', 'import_batch_id', 'import_batches')
    LOOP
        EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, DROP CONSTRAINT %3$I,'
            ' ADD CONSTRAINT %2$I FOREIGN KEY (exam_code, tenant_id)'
            ' REFERENCES exams (exam_code, tenant_id),'
            ' ADD CONSTRAINT %3$I FOREIGN KEY (question_id, version, tenant_id)'
            ' REFERENCES question_versions (question_id, version, tenant_id)',
            name, name || '_exam_code_fkey', name || '_question_id_version_fkey');
        IF origin IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I'
                ' FOREIGN KEY (%3$I, tenant_id) REFERENCES %4$I (id, tenant_id)',
                name, format('%s_%s_fkey', name, origin), origin, origin_table);
        END IF;
    END LOOP;
END $$;

-- The wall of the two tables without a tenant: delivery serves items of its tenant, and imports none.
CREATE POLICY own_item ON quiz_items AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (
    import_batch_id IS NULL AND (SELECT true FROM questions AS q WHERE q.id = question_id)
);
CREATE POLICY no_import ON user_responses AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (import_batch_id IS NULL);
-- what was served stays as it was served
REVOKE UPDATE ON quiz_items FROM qbank_delivery;
