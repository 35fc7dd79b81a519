-- What moved at Stripe by nothing of ours.
CREATE TABLE unclaimed (
    balance_transaction_id text COLLATE "C" PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    reporting_category text COLLATE "C" NOT NULL,
    balance_type text COLLATE "C" NOT NULL,
    source_id text COLLATE "C" NOT NULL,
    description text NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    note text NOT NULL,
    claimed_by text COLLATE "C" NOT NULL,
    pending boolean NOT NULL,
    created_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX unclaimed_by_status ON unclaimed (status, position);
CREATE INDEX unclaimed_pending ON unclaimed (available_at, balance_transaction_id) WHERE pending;

-- Whether a balance transaction has its entry: asked for each of Stripe's list.
CREATE INDEX entries_by_source ON entries (source) WHERE source <> '';

-- What is unexplained is looked for in the deliveries, too.
DROP INDEX webhooks_without_effect;
CREATE INDEX webhooks_without_effect ON webhooks (result, position) WHERE result IN ('unchanged', 'ignored', 'unexplained');

GRANT SELECT, INSERT, UPDATE, DELETE ON unclaimed TO liberation_application;
GRANT SELECT ON unclaimed TO liberation_auditor;
