-- Effects waiting for delivery. Never rebuilt: that something was delivered is known only here.
CREATE TABLE outbox (
    position bigint NOT NULL,
    effect_index bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    effect jsonb NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    parked_at timestamptz,
    PRIMARY KEY (position, effect_index)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE delivered_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (parked_at) WHERE parked_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO liberation_application;
GRANT SELECT ON outbox TO liberation_auditor;
