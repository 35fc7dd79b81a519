-- The books: an entry for each fact that moved money, its postings, and the sum of every account.
CREATE TABLE entries (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    description text NOT NULL,
    source text COLLATE "C" NOT NULL
);
CREATE INDEX entries_of_stream ON entries (stream, position);
CREATE INDEX entries_by_effective_at ON entries (effective_at);
CREATE INDEX entries_by_recorded_at ON entries USING brin (recorded_at);  -- it grows with the position

-- Debit above zero, credit below, so that an entry's postings sum to zero in each currency.
CREATE TABLE postings (
    position bigint NOT NULL,
    leg bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    party text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (position, leg)
);
CREATE INDEX postings_of_account ON postings (account, currency, position, leg);
CREATE INDEX postings_of_party ON postings (party, account, currency, position, leg) WHERE party <> '';

CREATE TABLE balances (
    account text COLLATE "C" NOT NULL,
    party text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    debit_minor bigint NOT NULL CHECK (debit_minor >= 0),
    credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
    PRIMARY KEY (account, party, currency)
) WITH (fillfactor = 50);  -- room for HOT updates: few rows that change often

GRANT SELECT, INSERT, UPDATE, DELETE ON entries, postings, balances TO liberation_application;
GRANT SELECT ON entries, postings, balances TO liberation_auditor;
