-- An effect is known by the policy that asked for it, too, so that a policy which is added later shifts nobody's
-- keys. One that is added starts at a stated position: it asks for nothing that facts before it would have asked.
CREATE TABLE policies (
    name text COLLATE "C" PRIMARY KEY,
    starts_after bigint NOT NULL CHECK (starts_after >= 0)
);
INSERT INTO policies (name, starts_after)
VALUES ('payments', 0), ('webhooks', 0), ('subscriptions', 0), ('invoices', 0);

GRANT SELECT, INSERT, UPDATE ON policies TO liberation_application;
GRANT SELECT ON policies TO liberation_auditor;

ALTER TABLE outbox ADD COLUMN policy text COLLATE "C";
UPDATE outbox
SET policy = CASE
    WHEN kind IN ('CreatePaymentIntent', 'ResolvePayment', 'CreateRefund', 'ResolveRefund') THEN 'payments'
    WHEN kind = 'ApplyWebhook' THEN 'webhooks'
    WHEN kind IN ('RetryInvoice', 'ResolveInvoice', 'CreateCreditNote', 'ResolveCreditNote') THEN 'invoices'
    ELSE 'subscriptions'
END;
ALTER TABLE outbox
    ALTER COLUMN policy SET NOT NULL,
    DROP CONSTRAINT outbox_pkey,
    ADD PRIMARY KEY (position, policy, effect_index);

-- Parked by a version that could not read it: whoever can takes it up again.
ALTER TABLE outbox ADD COLUMN unreadable boolean NOT NULL DEFAULT false;
