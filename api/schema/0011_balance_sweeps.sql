-- How far the movements of Stripe's balance were compared with the books. Without its row all of them are compared again.
CREATE TABLE balance_sweeps (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    swept_through timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON balance_sweeps TO liberation_application;
GRANT SELECT ON balance_sweeps TO liberation_auditor;
