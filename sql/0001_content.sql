-- Content: topics, questions with append-only versions, exams, and what is published where.

CREATE TABLE topics (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    parent_id bigint REFERENCES topics (id),
    name text NOT NULL CHECK (name <> ''),
    blueprint_code text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- two roots of one name would be two topics for a reader
    UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name),
    CHECK (parent_id <> id)
);
CREATE INDEX topics_parent_id_idx ON topics (parent_id);

CREATE TABLE exams (
    exam_code text PRIMARY KEY CHECK (exam_code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    title text NOT NULL,
    irt_model text NOT NULL DEFAULT '2pl' CHECK (irt_model IN ('1pl', '2pl', '3pl')),
    tau double precision NOT NULL DEFAULT 0.2 CHECK (tau > 0 AND tau <= 1),
    test_length integer NOT NULL DEFAULT 25 CHECK (test_length BETWEEN 1 AND 1000),
    policy jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(policy) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX exams_tenant_id_idx ON exams (tenant_id);

CREATE TABLE exam_blueprints (
    exam_code text NOT NULL REFERENCES exams (exam_code) ON DELETE CASCADE,
    topic_id bigint NOT NULL REFERENCES topics (id),
    target_weight double precision NOT NULL CHECK (target_weight >= 0 AND target_weight <= 1),
    min_items integer NOT NULL DEFAULT 0 CHECK (min_items >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, topic_id)
);
CREATE INDEX exam_blueprints_topic_id_idx ON exam_blueprints (topic_id);

CREATE TABLE questions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    external_ref text,
    created_by text NOT NULL,
    is_deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, external_ref)
);

CREATE TABLE question_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question_id bigint NOT NULL REFERENCES questions (id),
    version integer NOT NULL CHECK (version >= 1),
    state text NOT NULL DEFAULT 'draft'
    CHECK (state IN ('draft', 'review', 'approved', 'published', 'retired')),
    stem_md text NOT NULL,
    lead_in text,
    rationale_md text,
    difficulty_label text CHECK (difficulty_label IN ('easy', 'medium', 'hard')),
    bloom_level smallint CHECK (bloom_level BETWEEN 1 AND 6),
    topic_id bigint NOT NULL REFERENCES topics (id),
    tags jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    assets jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(assets) = 'array'),
    reference_list jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(reference_list) = 'array'),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (question_id, version)
);
CREATE INDEX question_versions_topic_id_idx ON question_versions (topic_id);

CREATE TABLE question_options (
    question_version_id bigint NOT NULL REFERENCES question_versions (id),
    option_label char(1) NOT NULL CHECK (option_label ~ '^[A-Z0-9]$'),
    option_text_md text NOT NULL,
    is_correct boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (question_version_id, option_label)
);
-- at most one here; the trigger below asks for at least one when the transaction ends
CREATE UNIQUE INDEX question_options_one_correct_idx
ON question_options (question_version_id) WHERE is_correct;

CREATE TABLE question_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question_version_id bigint NOT NULL REFERENCES question_versions (id),
    reviewer_id text NOT NULL,
    status text NOT NULL
    CHECK (status IN ('pending', 'changes_requested', 'approved', 'rejected')),
    comments_md text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX question_reviews_question_version_id_idx ON question_reviews (question_version_id);

CREATE TABLE question_publications (
    question_id bigint NOT NULL REFERENCES questions (id),
    live_version integer NOT NULL,
    exam_code text NOT NULL REFERENCES exams (exam_code),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    published_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (question_id, tenant_id, exam_code),
    FOREIGN KEY (question_id, live_version) REFERENCES question_versions (question_id, version)
);
CREATE INDEX question_publications_exam_code_idx ON question_publications (exam_code);

CREATE FUNCTION check_options_have_a_correct_one() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    version_id bigint := coalesce(NEW.question_version_id, OLD.question_version_id);
    options integer;
    correct integer;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE is_correct) INTO options, correct
    FROM question_options WHERE question_version_id = version_id;
    IF options > 0 AND correct <> 1 THEN
        RAISE EXCEPTION 'question version % has % correct options: mark exactly one',
            version_id, correct USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER question_options_exactly_one_correct
AFTER INSERT OR UPDATE OR DELETE ON question_options
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION check_options_have_a_correct_one();

-- A published version never changes, for responses refer to what was seen; it may only be retired.
CREATE FUNCTION keep_published_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('published', 'retired') THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.state IN ('published', 'retired')
        AND (to_jsonb(NEW) - 'state') = (to_jsonb(OLD) - 'state') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'version % of question % is % and never changes: write a new version',
        OLD.version, OLD.question_id, OLD.state USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER question_versions_keep_published
BEFORE UPDATE OR DELETE ON question_versions
FOR EACH ROW EXECUTE FUNCTION keep_published_versions();

CREATE FUNCTION keep_published_options() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner question_versions;
BEGIN
    SELECT * INTO owner FROM question_versions
    WHERE id = coalesce(OLD.question_version_id, NEW.question_version_id);
    IF owner.state IN ('published', 'retired') THEN
        RAISE EXCEPTION 'version % of question % is % and its options never change: write a new version',
            owner.version, owner.question_id, owner.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;

CREATE TRIGGER question_options_keep_published
BEFORE UPDATE OR DELETE ON question_options
FOR EACH ROW EXECUTE FUNCTION keep_published_options();
