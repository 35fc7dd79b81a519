-- Payouts of connected accounts to their owners' banks, as Stripe said last. Which bank it is only Stripe knows.
CREATE TABLE bank_payouts (
    payout_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    stripe_account_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    status_at timestamptz NOT NULL,
    sent_at timestamptz NOT NULL,
    arrival_at timestamptz NOT NULL,
    was_arrived boolean NOT NULL,
    failure_code text COLLATE "C" NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX bank_payouts_of_user ON bank_payouts (user_id, position DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON bank_payouts TO liberation_application;
GRANT SELECT ON bank_payouts TO liberation_auditor;
