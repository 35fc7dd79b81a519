-- What is paid by card for licences and their invoices, found by what the clock has to end.
CREATE TABLE licence_payments (
    payment_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    invoice_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    kept_minor bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX licence_payments_of_licence ON licence_payments (licence_id, position);
CREATE INDEX licence_payments_to_end ON licence_payments (expires_at, payment_id) WHERE status = 'reserved';

GRANT SELECT, INSERT, UPDATE, DELETE ON licence_payments TO liberation_application;
GRANT SELECT ON licence_payments TO liberation_auditor;
