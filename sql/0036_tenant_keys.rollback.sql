GRANT UPDATE ON quiz_items TO qbank_delivery;
DROP POLICY no_import ON user_responses;
DROP POLICY own_item ON quiz_items;

DO $$
DECLARE
    name text;
    origin text;
    origin_table text;
BEGIN
    FOR name, origin, origin_table IN VALUES
        ('exposure_daily', NULL, NULL), ('item_stats_ctt', NULL, NULL),
        ('item_calibration', 'run_id', 'calibration_runs'),
        ('item_exposure_control', 'run_id', 'calibration_runs'),
        ('item_exposure_history', 'run_id', 'calibration_runs'),
        ('scoring_rules', 'import_batch_id', 'import_batches')
    LOOP
        EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, DROP CONSTRAINT %3$I,'
            ' ADD CONSTRAINT %2$I FOREIGN KEY (exam_code) REFERENCES exams (exam_code),'
            ' ADD CONSTRAINT %3$I FOREIGN KEY (question_id, version)'
            ' REFERENCES question_versions (question_id, version)',
            name, name || '_exam_code_fkey', name || '_question_id_version_fkey');
        IF origin IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I'
                ' FOREIGN KEY (%3$I) REFERENCES %4$I (id)',
                name, format('%s_%s_fkey', name, origin), origin, origin_table);
        END IF;
    END LOOP;
END $$;

ALTER TABLE import_batches
DROP CONSTRAINT import_batches_exam_code_fkey,
ADD CONSTRAINT import_batches_exam_code_fkey FOREIGN KEY (exam_code) REFERENCES exams (exam_code);

ALTER TABLE calibration_runs
DROP CONSTRAINT calibration_runs_exam_code_fkey,
ADD CONSTRAINT calibration_runs_exam_code_fkey
FOREIGN KEY (exam_code) REFERENCES exams (exam_code);

ALTER TABLE question_publications
DROP CONSTRAINT question_publications_question_id_live_version_fkey,
DROP CONSTRAINT question_publications_exam_code_fkey,
ADD CONSTRAINT question_publications_question_id_fkey
FOREIGN KEY (question_id) REFERENCES questions (id),
ADD CONSTRAINT question_publications_exam_code_fkey
FOREIGN KEY (exam_code) REFERENCES exams (exam_code),
ADD CONSTRAINT question_publications_question_id_live_version_fkey
FOREIGN KEY (question_id, live_version) REFERENCES question_versions (question_id, version);

ALTER TABLE quiz_sessions
DROP CONSTRAINT quiz_sessions_exam_code_fkey,
ADD CONSTRAINT quiz_sessions_exam_code_fkey FOREIGN KEY (exam_code) REFERENCES exams (exam_code);

ALTER TABLE exam_blueprints
DROP CONSTRAINT exam_blueprints_topic_id_fkey,
DROP CONSTRAINT exam_blueprints_exam_code_fkey,
ADD CONSTRAINT exam_blueprints_exam_code_fkey
FOREIGN KEY (exam_code) REFERENCES exams (exam_code) ON DELETE CASCADE,
ADD CONSTRAINT exam_blueprints_topic_id_fkey FOREIGN KEY (topic_id) REFERENCES topics (id);

ALTER TABLE question_versions
DROP CONSTRAINT question_versions_import_batch_id_fkey,
DROP CONSTRAINT question_versions_topic_id_fkey,
DROP CONSTRAINT question_versions_question_id_fkey,
ADD CONSTRAINT question_versions_question_id_fkey
FOREIGN KEY (question_id) REFERENCES questions (id),
ADD CONSTRAINT question_versions_topic_id_fkey FOREIGN KEY (topic_id) REFERENCES topics (id),
ADD CONSTRAINT question_versions_import_batch_id_fkey
FOREIGN KEY (import_batch_id) REFERENCES import_batches (id);

ALTER TABLE questions
DROP CONSTRAINT questions_exam_code_fkey,
ADD CONSTRAINT questions_exam_code_fkey FOREIGN KEY (exam_code) REFERENCES exams (exam_code);

ALTER TABLE topics
DROP CONSTRAINT topics_parent_id_fkey,
ADD CONSTRAINT topics_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES topics (id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['question_versions', 'exam_blueprints', 'exposure_daily',
        'calibration_runs', 'item_calibration', 'item_stats_ctt', 'item_exposure_control',
        'item_exposure_history', 'import_batches', 'scoring_rules'] LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_take_tenant', name);
        -- with the keys over it that other tables named
        EXECUTE format('ALTER TABLE %I DROP COLUMN tenant_id', name);
    END LOOP;
END $$;
DROP FUNCTION take_tenant();
DROP FUNCTION tenant_of_question(bigint);
DROP FUNCTION tenant_of_exam(text);

ALTER TABLE questions DROP CONSTRAINT questions_of_tenant_key;
ALTER TABLE topics DROP CONSTRAINT topics_of_tenant_key;
ALTER TABLE exams DROP CONSTRAINT exams_of_tenant_key;
