-- What a quiz came to when it was sealed, and what that was computed from. A later calibration
-- changes neither.
-- depends: 0020_attempts

CREATE TABLE quiz_results (
    quiz_id text PRIMARY KEY REFERENCES quiz_sessions (id) ON DELETE CASCADE,
    answered integer NOT NULL CHECK (answered >= 0),
    correct integer NOT NULL CHECK (correct BETWEEN 0 AND answered),
    -- without a standard error nothing was estimated: no answered item had parameters
    theta double precision NOT NULL,
    theta_se double precision CHECK (theta_se >= 0),
    model text NOT NULL CHECK (model IN ('1pl', '2pl', '3pl')),
    -- D of the response function, and the bank; null for a quiz sealed before results were kept
    scale double precision CHECK (scale > 0),
    bank_version bigint,
    -- by position: question_id, version, correct, and a, b, c, run_id where it was calibrated
    items jsonb NOT NULL CHECK (jsonb_typeof(items) = 'array'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER quiz_results_append_only BEFORE UPDATE ON quiz_results
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();

ALTER TABLE quiz_results ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quiz_results TO qbank_delivery
USING ((SELECT true FROM quiz_sessions AS s WHERE s.id = quiz_id));
CREATE POLICY every_tenant ON quiz_results FOR SELECT TO qbank_orchestration USING (true);
GRANT SELECT, INSERT ON quiz_results TO qbank_delivery;
GRANT SELECT ON quiz_results TO qbank_orchestration;
