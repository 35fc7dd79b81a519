-- Invoices of subscriptions with their lines, credit notes and disputes as they are now.
-- Booked, recognised and deferred amounts are in the currency of settlement, all others in the invoice's.
CREATE TABLE invoices (
    stripe_invoice_id text COLLATE "C" PRIMARY KEY,
    subscription_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    receipt_number bigint,
    status text COLLATE "C" NOT NULL,
    billing_reason text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    total_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    charged_minor bigint NOT NULL,
    credited_minor bigint NOT NULL,
    credit_pending_minor bigint NOT NULL,
    disputed_minor bigint NOT NULL,
    dispute text COLLATE "C" NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    attempts bigint NOT NULL,
    failed_at timestamptz,
    failure_code text COLLATE "C" NOT NULL,
    decline_code text COLLATE "C" NOT NULL,
    hard_decline boolean NOT NULL,
    action_required boolean NOT NULL,
    retry text COLLATE "C" NOT NULL,
    next_retry_at timestamptz,
    payment_intent_id text COLLATE "C" NOT NULL,
    charge_id text COLLATE "C" NOT NULL,
    finalized_at timestamptz NOT NULL,
    paid_at timestamptz,
    settled_at timestamptz,
    fee_minor bigint,
    net_minor bigint,
    settlement_currency text COLLATE "C" NOT NULL,
    balance_transaction_id text COLLATE "C" NOT NULL,
    available_at timestamptz,
    funds_available boolean NOT NULL,
    recognised_minor bigint NOT NULL,
    deferred_minor bigint NOT NULL,
    recognised_until date,
    open_day date,
    service_ended_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE UNIQUE INDEX invoices_by_receipt ON invoices (receipt_number) WHERE receipt_number IS NOT NULL;
CREATE INDEX invoices_of_user ON invoices (user_id, position DESC);
CREATE INDEX invoices_of_subscription ON invoices (subscription_id, position DESC);
CREATE INDEX invoices_of_intent ON invoices (payment_intent_id) WHERE payment_intent_id <> '';
CREATE INDEX invoices_of_charge ON invoices (charge_id) WHERE charge_id <> '';
CREATE INDEX invoices_to_retry ON invoices (next_retry_at, stripe_invoice_id) WHERE next_retry_at IS NOT NULL;
CREATE INDEX invoices_to_recognise ON invoices (open_day, stripe_invoice_id) WHERE open_day IS NOT NULL;
CREATE INDEX invoices_awaiting_funds ON invoices (available_at, stripe_invoice_id)
    WHERE available_at IS NOT NULL AND NOT funds_available;

CREATE TABLE invoice_lines (
    line_id text COLLATE "C" PRIMARY KEY,
    stripe_invoice_id text COLLATE "C" NOT NULL,
    line_number bigint NOT NULL,
    description text NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    proration boolean NOT NULL,
    booked_minor bigint NOT NULL,
    recognised_minor bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX invoice_lines_of_invoice ON invoice_lines (stripe_invoice_id, line_number);

CREATE TABLE credit_notes (
    credit_id text COLLATE "C" PRIMARY KEY,
    stripe_invoice_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    credit_note_number bigint,
    stripe_credit_note_id text COLLATE "C" NOT NULL,
    stripe_number text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    deferred_minor bigint NOT NULL,
    recognised_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    settlement_currency text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    note text NOT NULL,
    failure_code text COLLATE "C" NOT NULL,
    outside boolean NOT NULL,
    stripe_refund_id text COLLATE "C" NOT NULL,
    refund text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    credited_at timestamptz,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE UNIQUE INDEX credit_notes_by_number ON credit_notes (credit_note_number)
    WHERE credit_note_number IS NOT NULL;
CREATE INDEX credit_notes_of_invoice ON credit_notes (stripe_invoice_id, position);
CREATE INDEX credit_notes_of_user ON credit_notes (user_id, position DESC);

-- As `disputes`, column by column; here `payment_id` is the invoice's id, as in the facts.
CREATE TABLE invoice_disputes (
    dispute_id text COLLATE "C" PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    charge_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    evidence_due_at timestamptz,
    withdrawn_minor bigint NOT NULL,
    reinstated_minor bigint NOT NULL,
    settlement_currency text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX invoice_disputes_of_invoice ON invoice_disputes (payment_id, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON invoices, invoice_lines, credit_notes, invoice_disputes
    TO liberation_application;
GRANT SELECT ON invoices, invoice_lines, credit_notes, invoice_disputes TO liberation_auditor;
