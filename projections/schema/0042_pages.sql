-- Payments that are made, and subscriptions that are begun, on a page of Stripe's.
ALTER TABLE payments
    ADD COLUMN session_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN page_ends_at timestamptz;
CREATE INDEX payments_on_pages ON payments (page_ends_at, payment_id)
    WHERE page_ends_at IS NOT NULL AND status IN ('initiated', 'unknown', 'requires_action');

ALTER TABLE subscriptions ADD COLUMN page_ends_at timestamptz;
CREATE INDEX subscriptions_on_pages ON subscriptions (page_ends_at, subscription_id)
    WHERE page_ends_at IS NOT NULL AND status IN ('requested', 'unknown');
