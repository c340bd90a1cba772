-- LTI 1.3: learning platforms that may launch people into an exam of one tenant, who was launched by
-- whom, which quizzes came of it, and the scores that go back. Whose a platform is, nobody knows before
-- its message is read, so delivery asks for it by a function; a score is queued by whatever keeps a result.
-- depends: 0065_option_codes

CREATE TABLE lti_platforms (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    name text NOT NULL CHECK (name <> ''),
    issuer text NOT NULL CHECK (issuer <> ''),
    client_id text NOT NULL CHECK (client_id <> ''),
    deployment_ids text [] NOT NULL CHECK (cardinality(deployment_ids) > 0),
    auth_url text NOT NULL,
    token_url text NOT NULL,
    -- what the platform's token endpoint wants to be called; most want its address
    token_audience text NOT NULL,
    jwks_url text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    UNIQUE (id, tenant_id)
);
CREATE UNIQUE INDEX lti_platforms_open_key ON lti_platforms (issuer, client_id)
WHERE removed_at IS NULL;

-- those of messages that were taken, until the messages would be refused for their age
CREATE TABLE lti_nonces (
    platform_id uuid NOT NULL REFERENCES lti_platforms (id),
    nonce text NOT NULL CHECK (nonce <> ''),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (platform_id, nonce)
);

-- Who a person of a platform is here. The platform's id of them is what a score is sent by, so it is kept,
-- and nowhere else.
CREATE TABLE lti_people (
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    issuer text NOT NULL CHECK (issuer <> ''),
    subject text NOT NULL CHECK (subject <> ''),
    user_id text NOT NULL CHECK (user_id ~ '^p-[a-z2-7]{26}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, issuer, subject),
    UNIQUE (tenant_id, user_id)
);

CREATE TABLE lti_launches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id text NOT NULL,
    platform_id uuid NOT NULL,
    user_id text NOT NULL,
    exam_code text NOT NULL,
    deployment_id text NOT NULL,
    resource_link_id text NOT NULL,
    -- where the platform takes the score; null: it takes none
    line_item_url text CHECK (line_item_url ~ '^https?://'),
    -- by what the person's program gets its token, once
    code_sha256 bytea UNIQUE CHECK (octet_length(code_sha256) = 32),
    code_expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, tenant_id),
    FOREIGN KEY (platform_id, tenant_id) REFERENCES lti_platforms (id, tenant_id),
    FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id),
    -- another key of pseudonyms renames the person
    FOREIGN KEY (tenant_id, user_id) REFERENCES lti_people (tenant_id, user_id) ON UPDATE CASCADE
);
CREATE INDEX lti_launches_person_idx ON lti_launches (tenant_id, user_id);
CREATE INDEX lti_launches_exam_idx ON lti_launches (exam_code);
CREATE INDEX lti_launches_platform_idx ON lti_launches (platform_id);

CREATE TABLE lti_quizzes (
    quiz_id text PRIMARY KEY REFERENCES quiz_sessions (id),
    launch_id uuid NOT NULL REFERENCES lti_launches (id),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lti_quizzes_launch_idx ON lti_quizzes (launch_id);

-- One row each time that a quiz comes to a result: what is sent, however often it is tried, is what
-- stands here.
CREATE TABLE lti_scores (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quiz_id text NOT NULL REFERENCES lti_quizzes (quiz_id),
    -- of the result
    revision integer NOT NULL,
    score_given float8 NOT NULL CHECK (score_given >= 0),
    score_maximum float8 NOT NULL CHECK (score_maximum > 0),
    -- a platform takes no score that is older than the one it has
    scored_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'sent', 'superseded', 'given_up')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- while somebody sends it, when another one may
    next_at timestamptz NOT NULL DEFAULT now(),
    -- why the last attempt came to nothing, or what the platform said of it
    problem text NOT NULL DEFAULT '',
    sent_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX lti_scores_quiz_idx ON lti_scores (quiz_id);
CREATE INDEX lti_scores_waiting_idx ON lti_scores (next_at) WHERE state = 'waiting';
CREATE INDEX lti_scores_given_up_idx ON lti_scores (created_at) WHERE state = 'given_up';

-- What a sitting that a launch began comes to is queued in the transaction that decides it, whoever
-- does: the student, the sweep, a rescore, or taking a rescore back. A gradebook has one place for a
-- person, and that is the newest sitting's: what still waits there is overtaken.
CREATE FUNCTION queue_lti_score() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    quiz constant text := coalesce(NEW.quiz_id, OLD.quiz_id);
    launch public.lti_launches;
    result public.quiz_results;
    items bigint;
BEGIN
    SELECT l.* INTO launch
    FROM public.lti_quizzes AS q JOIN public.lti_launches AS l ON l.id = q.launch_id
    JOIN public.quiz_sessions AS s ON s.id = q.quiz_id
    WHERE q.quiz_id = quiz AND s.mode = 'exam' AND l.line_item_url IS NOT NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT r.* INTO result FROM public.quiz_results AS r
    WHERE r.quiz_id = quiz ORDER BY r.revision DESC LIMIT 1;
    -- what was not answered counts, what is void does not
    SELECT s.num_questions - count(*) FILTER (WHERE (i ->> 'void')::boolean) INTO items
    FROM public.quiz_sessions AS s LEFT JOIN jsonb_array_elements(result.items) AS i ON true
    WHERE s.id = quiz AND NOT EXISTS (
        SELECT FROM public.quiz_sessions AS later
        JOIN public.lti_quizzes AS q ON q.quiz_id = later.id
        JOIN public.lti_launches AS l ON l.id = q.launch_id
        WHERE l.tenant_id = launch.tenant_id AND l.user_id = launch.user_id
            AND l.line_item_url = launch.line_item_url AND later.mode = 'exam'
            AND later.started_at > s.started_at
            AND EXISTS (SELECT FROM public.quiz_results AS r WHERE r.quiz_id = later.id)
    )
    GROUP BY s.num_questions;
    IF result.quiz_id IS NULL OR coalesce(items, 0) <= 0 THEN
        RETURN NULL;
    END IF;
    UPDATE public.lti_scores AS o SET state = 'superseded'
    FROM public.lti_quizzes AS q JOIN public.lti_launches AS l ON l.id = q.launch_id
    WHERE o.quiz_id = q.quiz_id AND o.state = 'waiting' AND l.tenant_id = launch.tenant_id
        AND l.user_id = launch.user_id AND l.line_item_url = launch.line_item_url;
    INSERT INTO public.lti_scores (quiz_id, revision, score_given, score_maximum)
    VALUES (quiz, result.revision, result.correct, items);
    RETURN NULL;
END $$;
CREATE TRIGGER quiz_results_queue_lti_score AFTER INSERT OR DELETE ON quiz_results
FOR EACH ROW EXECUTE FUNCTION queue_lti_score();

-- registrations that an issuer's login may be of
CREATE FUNCTION lti_platforms_of(asked_issuer text) RETURNS TABLE (
    platform uuid, tenant_id text, client_id text, deployment_ids text []
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT p.id, p.tenant_id, p.client_id, p.deployment_ids FROM public.lti_platforms AS p
    WHERE p.issuer = asked_issuer AND p.removed_at IS NULL ORDER BY p.created_at, p.id
$$;

-- whether a message was not taken before; now it is
CREATE FUNCTION use_lti_nonce(platform uuid, used text, until timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM public.lti_nonces AS n WHERE n.platform_id = platform AND n.expires_at < now();
    INSERT INTO public.lti_nonces (platform_id, nonce, expires_at) VALUES (platform, used, until)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- who was launched into what, for the one who has the launch's code; it is good once
CREATE FUNCTION use_lti_code(digest bytea) RETURNS TABLE (
    launch uuid, tenant_id text, user_id text, exam_code text
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    UPDATE public.lti_launches AS l SET code_sha256 = NULL
    WHERE l.code_sha256 = digest AND l.code_expires_at > now()
    RETURNING l.id, l.tenant_id, l.user_id, l.exam_code
$$;

CREATE FUNCTION tenants_with_lti_scores() RETURNS TABLE (tenant_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT l.tenant_id FROM public.lti_scores AS c
    JOIN public.lti_quizzes AS q USING (quiz_id) JOIN public.lti_launches AS l ON l.id = q.launch_id
    WHERE c.state = 'waiting' AND c.next_at <= now() ORDER BY 1
$$;

REVOKE ALL ON FUNCTION queue_lti_score(), lti_platforms_of(text),
use_lti_nonce(uuid, text, timestamptz), use_lti_code(bytea), tenants_with_lti_scores() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lti_platforms_of(text), use_lti_nonce(uuid, text, timestamptz),
use_lti_code(bytea), tenants_with_lti_scores() TO qbank_delivery;

ALTER TABLE lti_platforms ENABLE ROW LEVEL SECURITY;
ALTER TABLE lti_nonces ENABLE ROW LEVEL SECURITY;
ALTER TABLE lti_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE lti_launches ENABLE ROW LEVEL SECURITY;
ALTER TABLE lti_quizzes ENABLE ROW LEVEL SECURITY;
ALTER TABLE lti_scores ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON lti_platforms TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY tenant ON lti_people TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY tenant ON lti_launches TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
-- both are seen by their tenant alone, so neither is of another one
CREATE POLICY tenant ON lti_quizzes TO qbank_delivery
USING ((SELECT true FROM quiz_sessions AS s WHERE s.id = quiz_id)
    AND (SELECT true FROM lti_launches AS l WHERE l.id = launch_id));
CREATE POLICY tenant ON lti_scores TO qbank_delivery
USING ((SELECT true FROM quiz_sessions AS s WHERE s.id = quiz_id));
CREATE POLICY every_tenant ON lti_scores TO qbank_orchestration USING (true);
GRANT SELECT ON lti_platforms TO qbank_delivery;
GRANT SELECT, INSERT ON lti_people, lti_launches, lti_quizzes TO qbank_delivery;
GRANT SELECT, UPDATE (state, attempts, next_at, problem, sent_at) ON lti_scores TO qbank_delivery;
GRANT SELECT ON lti_scores TO qbank_orchestration;
