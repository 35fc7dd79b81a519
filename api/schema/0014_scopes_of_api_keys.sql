-- What a key is for, such as payments:read. Empty for one without scopes, which may do all that its roles may.
ALTER TABLE api_keys ADD COLUMN scopes text[] NOT NULL DEFAULT '{}';

GRANT SELECT (scopes) ON api_keys TO liberation_auditor;
