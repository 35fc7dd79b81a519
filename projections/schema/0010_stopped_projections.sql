-- Why a projection stands still, for processes other than the one that projects. Of use only while the
-- projection stands just before `position`, the fact that it cannot take: once it moved, the row is old.
CREATE TABLE stopped_projections (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    reason text NOT NULL,
    stopped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON stopped_projections TO liberation_application;
GRANT SELECT ON stopped_projections TO liberation_auditor;
