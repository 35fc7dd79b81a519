-- What is told outside, in the order of positions; and the endpoints that it is sent to.
CREATE TABLE public_events (
    position bigint PRIMARY KEY,
    event_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    object_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    data text NOT NULL
);
CREATE INDEX public_events_of_organisation ON public_events (org_id, position) WHERE org_id <> '';
CREATE INDEX public_events_of_type ON public_events (type, position);
CREATE INDEX public_events_by_id ON public_events (event_id);
CREATE INDEX public_events_by_time ON public_events (recorded_at);

CREATE TABLE endpoints (
    endpoint_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    payload text COLLATE "C" NOT NULL,
    ordered boolean NOT NULL,
    serial bigint NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    old_serial bigint NOT NULL,
    old_key_id text COLLATE "C" NOT NULL,
    old_until timestamptz,
    disabled text COLLATE "C" NOT NULL,
    disabled_at timestamptz,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX endpoints_of_organisation ON endpoints (org_id, position DESC) WHERE deleted_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON public_events, endpoints TO liberation_application;
GRANT SELECT ON public_events, endpoints TO liberation_auditor;
