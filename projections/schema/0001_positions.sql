-- How far each projection is; rows and position move in one transaction. The shape is that of
-- eventsourcing's tracking table, so that its PostgresTrackingRecorder works on it.
CREATE TABLE positions (
    application_name text PRIMARY KEY,
    notification_id bigint NOT NULL CHECK (notification_id >= 0)
) WITH (fillfactor = 10);  -- room for HOT updates: a few rows that change with every batch

GRANT SELECT, INSERT, UPDATE, DELETE ON positions TO liberation_application;
GRANT SELECT ON positions TO liberation_auditor;
