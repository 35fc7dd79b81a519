-- Who caused which fact, by which command, and why.
CREATE TABLE audit (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    roles text[] NOT NULL,
    correlation_id text COLLATE "C" NOT NULL,
    causation_id text COLLATE "C" NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX audit_of_stream ON audit (stream, position);
CREATE INDEX audit_of_actor ON audit (actor, position);
CREATE INDEX audit_of_request ON audit (correlation_id) WHERE correlation_id <> '';

GRANT SELECT, INSERT, UPDATE, DELETE ON audit TO liberation_application;
GRANT SELECT ON audit TO liberation_auditor;
