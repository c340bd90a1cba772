-- Fairness and fit of items, as the night finds them.
-- depends: 0043_sittings

-- What the newest examination of an exam looked at: one row per exam.
CREATE TABLE item_examinations (
    exam_code text PRIMARY KEY,
    tenant_id text NOT NULL,
    responses bigint NOT NULL CHECK (responses >= 0),
    persons bigint NOT NULL CHECK (persons >= 0),
    input_fingerprint text NOT NULL CHECK (input_fingerprint <> ''),
    -- attributes that were looked at and those that were not, and person fit
    summary jsonb NOT NULL CHECK (jsonb_typeof(summary) = 'object'),
    orchestrator_run_id text,
    examined_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (exam_code, tenant_id),
    CONSTRAINT item_examinations_exam_code_fkey
    FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id)
);

-- Differential item functioning of an item between a group and the reference group.
CREATE TABLE item_fairness (
    exam_code text NOT NULL,
    tenant_id text NOT NULL,
    question_id bigint NOT NULL,
    version integer NOT NULL,
    attribute text NOT NULL CHECK (attribute <> ''),
    focal text NOT NULL,
    reference text NOT NULL CHECK (reference <> focal),
    n_focal integer NOT NULL CHECK (n_focal > 0),
    n_reference integer NOT NULL CHECK (n_reference > 0),
    -- on the delta scale of ETS; negative: harder for the focal group
    delta double precision NOT NULL CHECK (delta > '-Infinity' AND delta < 'Infinity'),
    se_delta double precision NOT NULL CHECK (se_delta > 0 AND se_delta < 'Infinity'),
    uniform_p double precision NOT NULL CHECK (uniform_p BETWEEN 0 AND 1),
    nonuniform_p double precision NOT NULL CHECK (nonuniform_p BETWEEN 0 AND 1),
    q_value double precision NOT NULL CHECK (q_value BETWEEN 0 AND 1),
    power double precision NOT NULL CHECK (power BETWEEN 0 AND 1),
    ets_class text NOT NULL CHECK (ets_class IN ('A', 'B', 'C')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, question_id, version, attribute, focal),
    CONSTRAINT item_fairness_exam_code_fkey
    FOREIGN KEY (exam_code, tenant_id)
    REFERENCES item_examinations (exam_code, tenant_id) ON DELETE CASCADE,
    CONSTRAINT item_fairness_question_id_version_fkey
    FOREIGN KEY (question_id, version, tenant_id)
    REFERENCES question_versions (question_id, version, tenant_id)
);

-- How an item's answers follow its curve.
CREATE TABLE item_fit (
    exam_code text NOT NULL,
    tenant_id text NOT NULL,
    question_id bigint NOT NULL,
    version integer NOT NULL,
    n integer NOT NULL CHECK (n > 0),
    infit double precision NOT NULL CHECK (infit >= 0 AND infit < 'Infinity'),
    outfit double precision NOT NULL CHECK (outfit >= 0 AND outfit < 'Infinity'),
    rmsd double precision NOT NULL CHECK (rmsd BETWEEN 0 AND 1),
    is_poor boolean NOT NULL,
    -- none where too few answered
    shape_p double precision CHECK (shape_p BETWEEN 0 AND 1),
    shape_q double precision CHECK (shape_q BETWEEN 0 AND 1),
    -- none where nobody, or too few, answered the whole form
    s_x2 double precision CHECK (s_x2 >= 0 AND s_x2 < 'Infinity'),
    s_x2_df integer CHECK (s_x2_df >= 0),
    s_x2_p double precision CHECK (s_x2_p BETWEEN 0 AND 1),
    -- the item that its answers go together with beyond ability, where there is one
    dependent_question_id bigint,
    dependent_version integer,
    q3 double precision CHECK (q3 BETWEEN -1 AND 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, question_id, version),
    CHECK (num_nulls(s_x2, s_x2_df, s_x2_p) IN (0, 3)),
    CHECK (num_nulls(dependent_question_id, dependent_version, q3) IN (0, 3)),
    CONSTRAINT item_fit_exam_code_fkey
    FOREIGN KEY (exam_code, tenant_id)
    REFERENCES item_examinations (exam_code, tenant_id) ON DELETE CASCADE,
    CONSTRAINT item_fit_question_id_version_fkey
    FOREIGN KEY (question_id, version, tenant_id)
    REFERENCES question_versions (question_id, version, tenant_id),
    CONSTRAINT item_fit_dependent_fkey
    FOREIGN KEY (dependent_question_id, dependent_version, tenant_id)
    REFERENCES question_versions (question_id, version, tenant_id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['item_examinations', 'item_fairness', 'item_fit'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %I FOR EACH ROW'
            ' WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION take_tenant(''exam'')',
            name || '_take_tenant', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', name, name || '_take_tenant');
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO qbank_orchestration', name);
    END LOOP;
END $$;

-- a night asks when attributes of a tenant's people changed last
CREATE INDEX people_changed_at_idx ON people (tenant_id, changed_at);
