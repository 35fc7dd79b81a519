-- Whose answer it is, so that it goes with them: it may show a card's brand and digits, or words that they wrote. Of
-- answers from before nobody knows; they are forgotten in some days anyway.
ALTER TABLE idempotency_keys ADD COLUMN user_id text COLLATE "C";
CREATE INDEX idempotency_keys_of_user ON idempotency_keys (user_id);
