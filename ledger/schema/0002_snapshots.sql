-- Folded states beside the facts, so that a long stream loads as quickly as a short one. No part of the
-- chain, and never needed: whatever is wrong with a row, the facts are read instead.

CREATE TABLE snapshots (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    shape text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    seal bytea NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON COLUMN snapshots.shape IS 'A digest of what reads and makes the state; ledger/store/snapshots.py.';
COMMENT ON COLUMN snapshots.seal IS
    'sha256 of the chain''s hash at this version, the shape and the state: it holds for this history alone.';

GRANT SELECT, INSERT, UPDATE, DELETE ON snapshots TO liberation_application;
GRANT SELECT ON snapshots TO liberation_auditor;
