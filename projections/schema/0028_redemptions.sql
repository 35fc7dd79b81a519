-- Who redeemed which reward: found by user, and those that wait to be fulfilled; and what is unlocked by them.
CREATE TABLE redemptions (
    redemption_id text COLLATE "C" PRIMARY KEY,
    reward_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    cost bigint NOT NULL,
    feature text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    redeemed_at timestamptz NOT NULL,
    ends_at timestamptz,
    changed_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX redemptions_of_user ON redemptions (user_id, position);
CREATE INDEX redemptions_waiting ON redemptions (position) WHERE status = 'waiting';
CREATE INDEX redemptions_unlocking ON redemptions (user_id, feature) WHERE feature <> '' AND status = 'fulfilled';

GRANT SELECT, INSERT, UPDATE, DELETE ON redemptions TO liberation_application;
GRANT SELECT ON redemptions TO liberation_auditor;
