-- Payments with their refunds and disputes as they are now.
CREATE TABLE payments (
    payment_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    captured_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    refund_pending_minor bigint NOT NULL,
    disputed_minor bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    purpose_ref text COLLATE "C" NOT NULL,
    description text NOT NULL,
    payment_method_id text COLLATE "C" NOT NULL,
    payment_intent_id text COLLATE "C" NOT NULL,
    charge_id text COLLATE "C" NOT NULL,
    failure_code text COLLATE "C" NOT NULL,
    decline_code text COLLATE "C" NOT NULL,
    action text NOT NULL,
    fee_minor bigint,
    net_minor bigint,
    settlement_currency text COLLATE "C" NOT NULL,
    balance_transaction_id text COLLATE "C" NOT NULL,
    available_at timestamptz,
    funds_available boolean NOT NULL,
    initiated_at timestamptz NOT NULL,
    captured_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX payments_of_user ON payments (user_id, position DESC);
CREATE INDEX payments_of_intent ON payments (payment_intent_id) WHERE payment_intent_id <> '';
CREATE INDEX payments_of_charge ON payments (charge_id) WHERE charge_id <> '';
CREATE INDEX payments_awaiting_funds ON payments (available_at)
    WHERE available_at IS NOT NULL AND NOT funds_available;

CREATE TABLE refunds (
    refund_id text COLLATE "C" PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    stripe_refund_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    note text NOT NULL,
    failure_reason text NOT NULL,
    outside boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX refunds_of_payment ON refunds (payment_id, position);

CREATE TABLE disputes (
    dispute_id text COLLATE "C" PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    charge_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    evidence_due_at timestamptz,
    withdrawn_minor bigint NOT NULL,
    reinstated_minor bigint NOT NULL,
    settlement_currency text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX disputes_of_payment ON disputes (payment_id, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON payments, refunds, disputes TO liberation_application;
GRANT SELECT ON payments, refunds, disputes TO liberation_auditor;
