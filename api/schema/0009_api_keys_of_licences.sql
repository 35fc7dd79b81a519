-- An organisation's API key: its calls are counted on this licence of it. Null for a service of the operator's own.
ALTER TABLE api_keys ADD COLUMN licence_id text COLLATE "C";

GRANT SELECT (licence_id) ON api_keys TO liberation_auditor;
