-- Programs that call the API by themselves. An account is of one tenant and may do what its scopes say; it signs
-- in by secrets, of which the digest is kept, or by keys, of which the public half is. Whose an account is,
-- nobody knows before it has signed in, so delivery asks by functions, and sees no row of any tenant.
-- depends: 0053_more_requests

CREATE TABLE service_accounts (
    -- the client id, and who acts in the audit log
    id text PRIMARY KEY CHECK (id ~ '^account-[a-z2-7]{20}$'),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    name text NOT NULL CHECK (name <> ''),
    scopes text [] NOT NULL CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['exams', 'exports', 'imports', 'results']
    ),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX service_accounts_name_idx ON service_accounts (tenant_id, name)
WHERE revoked_at IS NULL;

CREATE TABLE service_account_credentials (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id text NOT NULL REFERENCES service_accounts (id),
    -- of 256 random bits, so that a digest is as strong as they are
    secret_sha256 bytea CHECK (octet_length(secret_sha256) = 32),
    public_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- null: as long as the account
    expires_at timestamptz,
    CHECK (num_nonnulls(secret_sha256, public_key) = 1)
);
CREATE INDEX service_account_credentials_account_idx ON service_account_credentials (account_id);

-- assertions that were used, until they would be refused for their age
CREATE TABLE service_account_assertions (
    account_id text NOT NULL REFERENCES service_accounts (id),
    assertion text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, assertion)
);

ALTER TABLE service_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_account_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_account_assertions ENABLE ROW LEVEL SECURITY;

-- what a client id may sign in by now
CREATE FUNCTION service_account_credentials_of(client text) RETURNS TABLE (
    credential uuid, tenant_id text, scopes text [], secret_sha256 bytea, public_key text,
    expires_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT c.id, a.tenant_id, a.scopes, c.secret_sha256, c.public_key,
        least(a.expires_at, c.expires_at)
    FROM public.service_accounts AS a
    JOIN public.service_account_credentials AS c ON c.account_id = a.id
    WHERE a.id = client AND a.revoked_at IS NULL AND least(a.expires_at, c.expires_at) > now()
    ORDER BY c.created_at, c.id
$$;

-- whether an assertion was not used before; now it is
CREATE FUNCTION use_service_account_assertion(client text, assertion text, until timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM public.service_account_assertions AS s
    WHERE s.account_id = client AND s.expires_at < now();
    INSERT INTO public.service_account_assertions (account_id, assertion, expires_at)
    VALUES (client, assertion, until) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION service_account_credentials_of(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION use_service_account_assertion(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION service_account_credentials_of(text),
use_service_account_assertion(text, text, timestamptz) TO qbank_delivery;
