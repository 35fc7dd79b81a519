-- What is taken of each reward, in all and by each user: counted as facts come, so that a list costs the same
-- however much was redeemed.
CREATE TABLE reward_counts (
    reward_id text COLLATE "C" PRIMARY KEY,
    live bigint NOT NULL
);
CREATE TABLE reward_user_counts (
    user_id text COLLATE "C" NOT NULL,
    reward_id text COLLATE "C" NOT NULL,
    live bigint NOT NULL,
    PRIMARY KEY (user_id, reward_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reward_counts, reward_user_counts TO liberation_application;
GRANT SELECT ON reward_counts, reward_user_counts TO liberation_auditor;

-- A reward can be a course.
ALTER TABLE redemptions ADD COLUMN course_id text COLLATE "C" NOT NULL DEFAULT '';

-- What is not decided yet, and what runs for some days: neither is redeemed once more meanwhile.
CREATE INDEX redemptions_running ON redemptions (user_id, reward_id)
    WHERE status IN ('held', 'waiting') OR (status = 'fulfilled' AND ends_at IS NOT NULL);

-- All of it is of all facts, so the table is folded again from the first.
TRUNCATE redemptions;
DELETE FROM positions WHERE application_name = 'redemptions';
