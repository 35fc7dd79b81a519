-- Numbers of payments' receipts, without a gap: the n-th payment whose money was captured has n.
CREATE TABLE payment_receipts (
    payment_id text COLLATE "C" PRIMARY KEY,
    receipt_number bigint NOT NULL UNIQUE,
    position bigint NOT NULL UNIQUE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON payment_receipts TO liberation_application;
GRANT SELECT ON payment_receipts TO liberation_auditor;
