-- What Stripe keeps for us or told us: customers, cards, events, payouts.
CREATE TABLE customers (
    user_id text COLLATE "C" PRIMARY KEY,
    stripe_customer_id text COLLATE "C" NOT NULL
);
CREATE INDEX customers_at_stripe ON customers (stripe_customer_id);

CREATE TABLE payment_methods (
    payment_method_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    saved_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX payment_methods_of_user ON payment_methods (user_id, position);

CREATE TABLE webhooks (
    stripe_event_id text COLLATE "C" PRIMARY KEY,
    stripe_event_type text COLLATE "C" NOT NULL,
    object_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    result text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    caught_up boolean NOT NULL,
    position bigint NOT NULL UNIQUE
);
CREATE INDEX webhooks_waiting ON webhooks (position) WHERE result = '';
CREATE INDEX webhooks_by_time ON webhooks (created_at DESC);

CREATE TABLE payouts (
    payout_id text COLLATE "C" PRIMARY KEY,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    arrival_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON customers, payment_methods, webhooks, payouts TO liberation_application;
GRANT SELECT ON customers, payment_methods, webhooks, payouts TO liberation_auditor;
