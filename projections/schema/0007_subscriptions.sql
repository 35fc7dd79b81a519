-- Subscriptions as they are now, and every movement of the revenue that they bring in a month.
CREATE TABLE subscriptions (
    subscription_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    stripe_subscription_id text COLLATE "C" NOT NULL,
    tier text COLLATE "C" NOT NULL,
    interval text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    price_minor bigint NOT NULL,
    catalogue_version text COLLATE "C" NOT NULL,
    payment_method_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    failure_code text COLLATE "C" NOT NULL,
    decline_code text COLLATE "C" NOT NULL,
    trial_end timestamptz,
    anchor_at timestamptz,
    period_start timestamptz,
    period_end timestamptz,
    past_due_since timestamptz,
    cancel_at timestamptz,
    change_id text COLLATE "C" NOT NULL,
    pending_tier text COLLATE "C" NOT NULL,
    pending_interval text COLLATE "C" NOT NULL,
    scheduled_tier text COLLATE "C" NOT NULL,
    scheduled_interval text COLLATE "C" NOT NULL,
    scheduled_price_minor bigint,
    scheduled_at timestamptz,
    request text COLLATE "C" NOT NULL,
    open_invoice_id text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    end_reason text NOT NULL,
    mrr_minor bigint NOT NULL,
    mrr_since timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX subscriptions_of_user ON subscriptions (user_id, position DESC);
CREATE INDEX subscriptions_by_status ON subscriptions (status, position DESC);
CREATE INDEX subscriptions_at_stripe ON subscriptions (stripe_subscription_id)
    WHERE stripe_subscription_id <> '';
CREATE INDEX subscriptions_in_debt ON subscriptions (past_due_since, subscription_id)
    WHERE past_due_since IS NOT NULL;

-- A fact moves one currency, or two when somebody changed a subscription's currency in Stripe's dashboard.
CREATE TABLE subscription_movements (
    position bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    day date NOT NULL,
    kind text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    was_tier text COLLATE "C" NOT NULL,
    tier text COLLATE "C" NOT NULL,
    was_mrr_minor bigint NOT NULL CHECK (was_mrr_minor >= 0),
    mrr_minor bigint NOT NULL CHECK (mrr_minor >= 0),
    mrr_delta_minor bigint NOT NULL CHECK (mrr_delta_minor = mrr_minor - was_mrr_minor),
    PRIMARY KEY (position, currency)
);
CREATE INDEX subscription_movements_by_time ON subscription_movements (at);
CREATE INDEX subscription_movements_of_user ON subscription_movements (user_id, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions, subscription_movements TO liberation_application;
GRANT SELECT ON subscriptions, subscription_movements TO liberation_auditor;
