-- Users' tokens as they are recorded: balances, what is left by the day on which it expires, lots, movements
-- with the balance after each, and awards by hand that wait for a second administrator.
CREATE TABLE token_accounts (
    user_id text COLLATE "C" PRIMARY KEY,
    balance bigint NOT NULL,
    debt bigint NOT NULL,
    pending bigint NOT NULL,
    last_position bigint NOT NULL
);

CREATE TABLE token_strips (
    user_id text COLLATE "C" NOT NULL,
    expires_on date NOT NULL,
    remaining bigint NOT NULL,
    PRIMARY KEY (user_id, expires_on)
);
CREATE INDEX token_strips_by_day ON token_strips (expires_on, user_id) WHERE remaining > 0;

CREATE TABLE token_lots (
    lot_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    asked bigint NOT NULL,
    amount bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    awarded_at timestamptz NOT NULL,
    pending_until timestamptz,
    expires_at timestamptz,
    reason text COLLATE "C" NOT NULL,
    position bigint NOT NULL UNIQUE
);
CREATE INDEX token_lots_of_user ON token_lots (user_id, position);
CREATE INDEX token_lots_pending ON token_lots (pending_until, user_id) WHERE status = 'pending';

CREATE TABLE token_movements (
    position bigint PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    asked bigint NOT NULL,
    change bigint NOT NULL,
    debt_change bigint NOT NULL,
    pending_change bigint NOT NULL,
    balance bigint NOT NULL,
    debt bigint NOT NULL,
    pending bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    happened_at timestamptz NOT NULL
);
CREATE INDEX token_movements_of_user ON token_movements (user_id, position);

CREATE TABLE token_requests (
    request_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    status text COLLATE "C" NOT NULL,
    position bigint NOT NULL UNIQUE
);
CREATE INDEX token_requests_by_status ON token_requests (status, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON token_accounts, token_strips, token_lots, token_movements, token_requests
TO liberation_application;
GRANT SELECT ON token_accounts, token_strips, token_lots, token_movements, token_requests TO liberation_auditor;
