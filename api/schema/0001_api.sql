-- What the API keeps beside the facts. None of it is needed to rebuild a projection.

-- The first answer to each Idempotency-Key. Written with synchronous_commit off: after a crash a lost row
-- only means that the request runs again, and the ledger knows its command id and does nothing twice.
CREATE TABLE idempotency_keys (
    id bytea PRIMARY KEY,  -- sha256 of caller, method, path and key
    digest bytea NOT NULL,  -- sha256 of the decoded body
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_by integer NOT NULL DEFAULT pg_backend_pid(),  -- a claim whose session is gone is free
    status smallint,  -- null until answered
    headers jsonb,
    body bytea
);
CREATE INDEX idempotency_keys_claimed_at ON idempotency_keys (claimed_at);

-- Credentials of services. Only the hash is here; the key itself is shown once, when it is made.
CREATE TABLE api_keys (
    key_id text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,  -- sha256 of the whole key
    name text NOT NULL,
    roles text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- The only personal data in the system, apart from every fact so that it can be erased.
CREATE TABLE contacts (
    user_id text COLLATE "C" PRIMARY KEY,
    email text,
    name text,
    time_zone text NOT NULL DEFAULT 'UTC',
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO liberation_application;
GRANT SELECT ON api_keys TO liberation_application;  -- an application taken over cannot make keys
GRANT SELECT, INSERT, UPDATE, DELETE ON contacts TO liberation_application;
GRANT SELECT (key_id, name, roles, created_at, expires_at, revoked_at) ON api_keys TO liberation_auditor;
