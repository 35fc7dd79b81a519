-- Users' connected accounts at Stripe as it said last: one row for each user. Nothing of whom they belong to.
CREATE TABLE connected_accounts (
    user_id text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL,
    stripe_account_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    agreement text COLLATE "C" NOT NULL,
    default_currency text COLLATE "C" NOT NULL,
    requirements_due bigint NOT NULL,
    disabled_reason text COLLATE "C" NOT NULL,
    deadline timestamptz,
    observed_at timestamptz,
    requested_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX connected_accounts_at_stripe ON connected_accounts (stripe_account_id);
CREATE INDEX connected_accounts_by_status ON connected_accounts (status, position DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON connected_accounts TO liberation_application;
GRANT SELECT ON connected_accounts TO liberation_auditor;
