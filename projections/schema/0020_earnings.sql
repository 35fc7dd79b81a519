-- What instructors earn: sums by day and by day of availability, sums by course and month, each movement.
-- An earlier day's sums never change but by what is recorded late, so any day's balances are read of them.
CREATE TABLE earnings_days (
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    happened_on date NOT NULL,
    available_on date NOT NULL,
    amount_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    PRIMARY KEY (user_id, currency, happened_on, available_on)
);

CREATE TABLE earnings_months (
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    month date NOT NULL,
    course_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    movements bigint NOT NULL,
    PRIMARY KEY (user_id, currency, month, course_id, kind)
);

CREATE TABLE earnings_movements (
    position bigint PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    held_change_minor bigint NOT NULL,
    available_on date NOT NULL,
    course_id text COLLATE "C" NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    cause_position bigint NOT NULL,
    effective_at timestamptz NOT NULL,
    reckoning jsonb
);
CREATE INDEX earnings_movements_of_user ON earnings_movements (user_id, position);
CREATE INDEX earnings_movements_by_time ON earnings_movements (user_id, effective_at, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON earnings_days, earnings_months, earnings_movements
TO liberation_application;
GRANT SELECT ON earnings_days, earnings_months, earnings_movements TO liberation_auditor;
