-- Which event is to go to which endpoint, and what became of it. `lease_until` is whose it is now: longer than a delivery
-- may take. Of one attempt the answer's status is kept, and nothing else of the answer.
CREATE TABLE deliveries (
    endpoint_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    last_status integer,
    last_fault text COLLATE "C" NOT NULL DEFAULT '',
    last_attempt_at timestamptz,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (endpoint_id, position),
    CHECK (state IN ('pending', 'delivered', 'parked', 'uncertain'))
);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, position) WHERE state = 'pending';
CREATE INDEX deliveries_in_order ON deliveries (endpoint_id, position) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (endpoint_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX deliveries_left ON deliveries (state, endpoint_id) WHERE state IN ('parked', 'uncertain');
CREATE INDEX deliveries_done ON deliveries (delivered_at) WHERE state = 'delivered';

CREATE TABLE delivery_attempts (
    endpoint_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    attempted_at timestamptz NOT NULL,
    status integer,
    fault text COLLATE "C" NOT NULL,
    took_ms integer NOT NULL
);
CREATE INDEX delivery_attempts_by_time ON delivery_attempts (attempted_at);
CREATE INDEX delivery_attempts_of ON delivery_attempts (endpoint_id, position, attempted_at);

-- A row for each endpoint that something went to: locked while its deliveries are claimed, so that how many are under way
-- is exact. `failing_since` is the first failure after which nothing was taken.
CREATE TABLE delivery_queues (
    endpoint_id text COLLATE "C" PRIMARY KEY,
    failing_since timestamptz
);

-- How far events were given to endpoints, and in which database: another one is a restored copy, of which nobody knows
-- whether what it holds up to `uncertain_until` had left.
CREATE TABLE fan_out (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    cluster text NOT NULL,
    uncertain_until bigint NOT NULL DEFAULT 0
);

GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries, delivery_attempts, delivery_queues, fan_out TO liberation_application;
GRANT SELECT ON deliveries, delivery_attempts, delivery_queues, fan_out TO liberation_auditor;
