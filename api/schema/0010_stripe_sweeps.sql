-- Each comparison of what is not settled with Stripe: that of a night by its date, one that an operator asked for by its
-- time. `stages` says how far it has come, so that one that was cut off goes on; `findings` are the first of them.
CREATE TABLE stripe_sweeps (
    sweep_id text COLLATE "C" PRIMARY KEY,
    cause text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    stages integer NOT NULL DEFAULT 0,
    compared integer NOT NULL DEFAULT 0,
    found integer NOT NULL DEFAULT 0,
    findings jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX stripe_sweeps_by_time ON stripe_sweeps (started_at DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON stripe_sweeps TO liberation_application;
GRANT SELECT ON stripe_sweeps TO liberation_auditor;
