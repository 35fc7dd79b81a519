-- Whose turn it is when the platform's funds do not cover everybody: in the order of the first shortage since the last
-- payout that was made, whatever else kept somebody from being paid meanwhile.
CREATE TABLE payout_turns (
    stream text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    position bigint NOT NULL UNIQUE
);
CREATE INDEX payout_turns_in_order ON payout_turns (currency, position);
DROP INDEX payouts_withheld_by_reason;

-- What disputes hold of each payment, and what was heard of an end before its beginning: it is in no day until then.
CREATE TABLE earnings_holds (
    hold_id text COLLATE "C" PRIMARY KEY,
    held_minor bigint NOT NULL,
    waiting jsonb NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON payout_turns, earnings_holds TO liberation_application;
GRANT SELECT ON payout_turns, earnings_holds TO liberation_auditor;

-- All of it is of all facts, so the tables are folded again from the first.
TRUNCATE earnings_days, earnings_months, earnings_movements, instructor_payouts, payout_recalls, payouts_withheld;
DELETE FROM positions WHERE application_name = 'earnings';
