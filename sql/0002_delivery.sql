-- depends: 0001_content
-- Delivery: quizzes, what was served, what was answered.

CREATE TABLE quiz_sessions (
    id text PRIMARY KEY CHECK (id <> ''),
    user_id text NOT NULL CHECK (user_id <> ''),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    mode text NOT NULL CHECK (mode IN ('tutor', 'exam')),
    adaptive boolean NOT NULL,
    exam_code text NOT NULL REFERENCES exams (exam_code),
    selector text NOT NULL CHECK (selector IN ('vanilla', 'sympson_hetter', 'fixed')),
    num_questions integer NOT NULL CHECK (num_questions >= 1),
    -- what the student asked for: topics, difficulty, blueprint_quota
    filters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(filters) = 'object'),
    theta double precision NOT NULL DEFAULT 0,
    theta_se double precision CHECK (theta_se >= 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    sealed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- moves with every change of the session, so that a nightly build reads only what moved
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (expires_at > started_at),
    CHECK (sealed_at >= started_at)
);
CREATE INDEX quiz_sessions_user_id_idx ON quiz_sessions (tenant_id, user_id, started_at DESC);
CREATE INDEX quiz_sessions_exam_code_idx ON quiz_sessions (exam_code, started_at);
CREATE INDEX quiz_sessions_updated_at_idx ON quiz_sessions (updated_at);

CREATE TABLE quiz_items (
    quiz_id text NOT NULL REFERENCES quiz_sessions (id),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    position integer NOT NULL CHECK (position >= 1),
    served_at timestamptz NOT NULL DEFAULT now(),
    selector text NOT NULL CHECK (selector IN ('vanilla', 'sympson_hetter', 'fixed')),
    theta_before double precision,
    sh_p double precision CHECK (sh_p BETWEEN 0 AND 1),
    -- question ids that were selected and held back in this step, in order
    rejected bigint[] NOT NULL DEFAULT '{}',
    -- every item was held back and the first of the ranking was given all the same
    forced boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (quiz_id, position),
    UNIQUE (quiz_id, question_id),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);
CREATE INDEX quiz_items_served_at_idx ON quiz_items (served_at);

CREATE TABLE user_responses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quiz_id text NOT NULL,
    user_id text NOT NULL CHECK (user_id <> ''),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    option_label char(1),
    is_correct boolean NOT NULL,
    time_taken_ms integer CHECK (time_taken_ms >= 0),
    -- when the student answered
    created_at timestamptz NOT NULL DEFAULT now(),
    -- when the row came in: an import or a phone that was offline writes late
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (quiz_id, question_id),
    -- a response is to something that was served
    FOREIGN KEY (quiz_id, question_id) REFERENCES quiz_items (quiz_id, question_id)
);
CREATE INDEX user_responses_recorded_at_idx ON user_responses (recorded_at);
CREATE INDEX user_responses_question_id_idx ON user_responses (question_id, version);
CREATE INDEX user_responses_user_id_idx ON user_responses (user_id, question_id);

CREATE TABLE exposure_daily (
    day date NOT NULL,
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    served integer NOT NULL DEFAULT 0 CHECK (served >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, exam_code, question_id, version),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);

CREATE TABLE feature_flags (
    key text PRIMARY KEY CHECK (key <> ''),
    enabled boolean NOT NULL DEFAULT false,
    value_json jsonb,
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE cohort_assignments (
    user_id text NOT NULL CHECK (user_id <> ''),
    cohort_key text NOT NULL CHECK (cohort_key <> ''),
    cohort_value text NOT NULL CHECK (cohort_value <> ''),
    assigned_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, cohort_key)
);
CREATE INDEX cohort_assignments_cohort_idx ON cohort_assignments (cohort_key, cohort_value);

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE TRIGGER quiz_sessions_touch BEFORE UPDATE ON quiz_sessions
FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER feature_flags_touch BEFORE UPDATE ON feature_flags
FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
