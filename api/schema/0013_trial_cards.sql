-- With which cards a trial was begun, so that each begins one only, on whichever account: a keyed hash of the card's
-- fingerprint at Stripe, which says nothing of a card to anybody without the operator's secret. Who leaves is taken off.
CREATE TABLE trial_cards (
    card bytea PRIMARY KEY,  -- HMAC-SHA-256 of the fingerprint
    user_id text COLLATE "C",
    subscription_id text COLLATE "C",
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX trial_cards_of_user ON trial_cards (user_id);
CREATE INDEX trial_cards_claimed_at ON trial_cards (claimed_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON trial_cards TO liberation_application;
