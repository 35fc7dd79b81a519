-- Licences of organisations as they are now, with their terms and invoices: found by organisation, and by what
-- the clock has to say of them next.
CREATE TABLE licences (
    licence_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    term bigint NOT NULL,
    tier text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    lapses_at timestamptz,
    activated_at timestamptz,
    suspended boolean NOT NULL,
    reason text COLLATE "C" NOT NULL,
    revoked_at timestamptz,
    quote_id text COLLATE "C" NOT NULL,
    quote_valid_until timestamptz,
    quote jsonb NOT NULL,
    bridged_until timestamptz,
    grace_days bigint NOT NULL,
    noticed_days bigint,
    notice_at timestamptz,
    expired_term bigint NOT NULL,
    expires_at timestamptz,
    owed_minor bigint NOT NULL,
    recognised_until date,
    open_day date,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX licences_of_organisation ON licences (org_id, position);
CREATE INDEX licences_to_notice ON licences (notice_at, licence_id) WHERE notice_at IS NOT NULL;
CREATE INDEX licences_to_expire ON licences (expires_at, licence_id) WHERE expires_at IS NOT NULL;
CREATE INDEX licences_to_recognise ON licences (open_day, licence_id) WHERE open_day IS NOT NULL;

CREATE TABLE licence_terms (
    term_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    months bigint NOT NULL,
    quote_id text COLLATE "C" NOT NULL,
    backdated boolean NOT NULL,
    grant_given jsonb NOT NULL,
    given_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX licence_terms_of_licence ON licence_terms (licence_id, number);

CREATE TABLE licence_invoices (
    invoice_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    term bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    net_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    paid_minor bigint NOT NULL,
    credited_minor bigint NOT NULL,
    written_off_minor bigint NOT NULL,
    open_minor bigint NOT NULL,
    deferred_minor bigint NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    earns_from date NOT NULL,
    issued_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX licence_invoices_of_licence ON licence_invoices (licence_id, position DESC);
CREATE INDEX licence_invoices_open ON licence_invoices (due_at) WHERE open_minor <> 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON licences, licence_terms, licence_invoices TO liberation_application;
GRANT SELECT ON licences, licence_terms, licence_invoices TO liberation_auditor;
