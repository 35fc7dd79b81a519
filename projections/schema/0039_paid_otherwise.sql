-- Invoices that are paid by several charges, or outside Stripe.
CREATE TABLE invoice_parts (
    charge_id text COLLATE "C" PRIMARY KEY,
    stripe_invoice_id text COLLATE "C" NOT NULL,
    charged_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    settlement_currency text COLLATE "C" NOT NULL,
    balance_transaction_id text COLLATE "C" NOT NULL,
    available_at timestamptz NOT NULL,
    funds_available boolean NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX invoice_parts_of_invoice ON invoice_parts (stripe_invoice_id, position);
CREATE INDEX invoice_parts_awaiting_funds ON invoice_parts (available_at, charge_id) WHERE NOT funds_available;

GRANT SELECT, INSERT, UPDATE, DELETE ON invoice_parts TO liberation_application;
GRANT SELECT ON invoice_parts TO liberation_auditor;

-- Nothing of what is folded has either: no fact of before says so.
ALTER TABLE invoices ADD COLUMN off_stripe_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN receivable_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN discounted_minor bigint;
CREATE INDEX invoices_receivable ON invoices (user_id) WHERE receivable_minor > 0;
