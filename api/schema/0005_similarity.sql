-- For titles that resemble what was asked for: where the server has pg_trgm and lets us have it. All else works without.
-- Nothing in this schema depends on it, so that a dump of the schema alone can be restored anywhere.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR invalid_schema_name THEN
        RAISE NOTICE 'pg_trgm is not installed: an administrator can, at any time';
END
$$;
