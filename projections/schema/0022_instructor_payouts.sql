-- What instructors are paid of their earnings. Of a day's sums: by how much more is reserved by payouts that are on their
-- way, and is transferred, less what was recalled. They are of no day of availability, and stand in the row of their own.
-- Nothing was paid before, so what is there holds.
ALTER TABLE earnings_days
    ADD COLUMN reserved_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN transferred_minor bigint NOT NULL DEFAULT 0;

-- A payout becomes available on no day. What is taken back after it was paid says how it comes in again.
ALTER TABLE earnings_movements
    ALTER COLUMN available_on DROP NOT NULL,
    ADD COLUMN payout_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN recovery text COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE instructor_payouts (
    payout_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    stripe_account_id text COLLATE "C" NOT NULL,
    transfer_id text COLLATE "C" NOT NULL,
    transferred_minor bigint NOT NULL,
    recalled_minor bigint NOT NULL,
    refused jsonb NOT NULL,
    reserved_at timestamptz,
    transferred_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX instructor_payouts_of_user ON instructor_payouts (user_id, position DESC);
CREATE INDEX instructor_payouts_on_their_way ON instructor_payouts (position) WHERE status IN ('reserved', 'unknown');
CREATE INDEX instructor_payouts_by_transfer ON instructor_payouts (transfer_id) WHERE transfer_id <> '';

CREATE TABLE payout_recalls (
    recall_id text COLLATE "C" PRIMARY KEY,
    payout_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    transfer_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    cause text COLLATE "C" NOT NULL,
    cause_position bigint NOT NULL,
    reversal_id text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    ended_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX payout_recalls_of_payout ON payout_recalls (payout_id, position);
CREATE INDEX payout_recalls_open ON payout_recalls (requested_at) WHERE ended_at IS NULL;

-- What is available and was not paid when it was looked at last, and why. Gone as soon as a payout is reserved.
CREATE TABLE payouts_withheld (
    stream text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    withheld_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE
);
CREATE INDEX payouts_withheld_of_user ON payouts_withheld (user_id);
CREATE INDEX payouts_withheld_by_reason ON payouts_withheld (reason, currency, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON instructor_payouts, payout_recalls, payouts_withheld TO liberation_application;
GRANT SELECT ON instructor_payouts, payout_recalls, payouts_withheld TO liberation_auditor;
