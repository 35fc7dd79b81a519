-- How many of a plan a subscription is of, what is billed beside it, and why it is none of ours, if it is none.
ALTER TABLE subscriptions
    ADD COLUMN quantity bigint NOT NULL DEFAULT 1,
    ADD COLUMN others_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN not_followed text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX subscriptions_not_followed ON subscriptions (subscription_id) WHERE not_followed <> '';
