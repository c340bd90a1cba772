-- A sitting takes the answer that was on its way when its time was over, and is sealed by itself when
-- that is over, too. Whether a quiz is open, and how it ended, is said here and nowhere else.
-- depends: 0043_sittings

ALTER TABLE quiz_sessions
-- seconds after expires_at in which an item that was served may be answered; none is served then
ADD COLUMN grace_s integer NOT NULL DEFAULT 0 CHECK (grace_s BETWEEN 0 AND 600);

CREATE FUNCTION ends_at(quiz quiz_sessions) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT quiz.expires_at + make_interval(secs => quiz.grace_s)
$$;

CREATE FUNCTION is_open(quiz quiz_sessions, moment timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT quiz.sealed_at IS NULL AND moment < ends_at(quiz) $$;

-- sealed by itself it was sealed after its end
CREATE FUNCTION quiz_status(quiz quiz_sessions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN is_open(quiz) THEN 'open'
        WHEN quiz.sealed_at < ends_at(quiz) THEN 'finished' ELSE 'expired' END
$$;

-- The result of an expired quiz was kept when it was first looked at; from now on it is sealed, too:
-- at that time, with what it comes to by its last revision.
UPDATE quiz_sessions AS s
SET sealed_at = greatest(r.created_at, s.expires_at), theta = newest.theta, theta_se = newest.theta_se
FROM quiz_results AS r CROSS JOIN LATERAL (
    SELECT revision.theta, revision.theta_se FROM quiz_results AS revision
    WHERE revision.quiz_id = r.quiz_id ORDER BY revision.revision DESC LIMIT 1
) AS newest
WHERE r.quiz_id = s.id AND r.revision = 1 AND s.sealed_at IS NULL AND s.expires_at <= now();

-- what is to be sealed, and whose it is: delivery sees the quizzes of one tenant at a time
CREATE INDEX quiz_sessions_unsealed_idx ON quiz_sessions (tenant_id, expires_at)
WHERE sealed_at IS NULL;
CREATE FUNCTION tenants_with_quizzes_to_seal() RETURNS SETOF text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT s.tenant_id FROM public.quiz_sessions AS s
    WHERE s.sealed_at IS NULL AND public.ends_at(s) < now()
$$;
REVOKE EXECUTE ON FUNCTION tenants_with_quizzes_to_seal() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_quizzes_to_seal() TO qbank_delivery;
