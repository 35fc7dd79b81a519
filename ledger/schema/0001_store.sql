-- The store: one append-only table in one total order, chained by hash, and the head that gives the order.

CREATE TABLE head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ledger_id uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL
) WITH (fillfactor = 50);  -- room for HOT updates: this row changes with every commit

CREATE TABLE events (
    position bigint PRIMARY KEY CHECK (position > 0),
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    type text COLLATE "C" NOT NULL,
    data bytea NOT NULL,
    metadata bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    command_index integer NOT NULL CHECK (command_index >= 0),
    hash bytea NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- A command is recorded at most once; its first event stands for it.
CREATE UNIQUE INDEX events_command ON events (command_id) WHERE command_index = 0;

-- The chain begins with the ledger's own id, so that one ledger cannot be passed off as another.
WITH made AS (SELECT gen_random_uuid() AS ledger_id)
INSERT INTO head (ledger_id, hash)
SELECT ledger_id, sha256(convert_to('liberation:' || ledger_id, 'UTF8')) FROM made;

-- ledger/store/chain.py computes the same: link = sha256(previous link || sha256(every field, each
-- of fixed length or length-prefixed)). Positions, times and hashes are chosen here and nowhere else.
CREATE FUNCTION append(
    streams text[], versions bigint[], types text[], datas bytea[], metadatas bytea[],
    command_ids text[], command_indexes integer[],
    OUT first_position bigint, OUT appended_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    before bigint;
    link bytea;
    leaf bytea;
    leaves bytea[];
    links bytea[] := '{}';
BEGIN
    SELECT h.position, h.hash INTO STRICT before, link FROM head AS h FOR UPDATE;
    first_position := before + 1;
    appended_at := clock_timestamp();
    SELECT array_agg(
        sha256(
            int8send(before + o) || timestamptz_send(appended_at) || int8send(v) || int4send(i)
            || int4send(octet_length(s)) || convert_to(s, 'UTF8')
            || int4send(octet_length(t)) || convert_to(t, 'UTF8')
            || int4send(octet_length(c)) || convert_to(c, 'UTF8')
            || int4send(octet_length(d)) || d
            || int4send(octet_length(m)) || m
        ) ORDER BY o
    )
    INTO STRICT leaves
    FROM unnest(streams, versions, types, datas, metadatas, command_ids, command_indexes)
        WITH ORDINALITY AS u(s, v, t, d, m, c, i, o);
    FOREACH leaf IN ARRAY leaves LOOP
        link := sha256(link || leaf);
        links := links || link;
    END LOOP;
    INSERT INTO events
    SELECT before + o, s, v, t, d, m, appended_at, c, i, l
    FROM unnest(streams, versions, types, datas, metadatas, command_ids, command_indexes, links)
        WITH ORDINALITY AS u(s, v, t, d, m, c, i, l, o);
    UPDATE head SET position = before + cardinality(links), hash = link;
END
$$;

-- For the writer that lost several races: it holds the order while it loads, decides and appends.
CREATE FUNCTION lock_head() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
AS $$ SELECT position FROM head FOR UPDATE $$;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Record a new fact that corrects the old one.';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_head BEFORE DELETE OR TRUNCATE ON head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- ALWAYS: also under session_replication_role = replica.
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only_whole;
ALTER TABLE head ENABLE ALWAYS TRIGGER append_only_head;

CREATE VIEW event_log AS
SELECT
    position,
    stream,
    version,
    type,
    convert_from(data, 'UTF8')::jsonb AS data,
    convert_from(metadata, 'UTF8')::jsonb AS metadata,
    command_id,
    recorded_at,
    encode(hash, 'hex') AS hash
FROM events;

COMMENT ON VIEW event_log IS 'Every fact in the order of its recording, for auditors.';

REVOKE ALL ON FUNCTION append, lock_head FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append, lock_head TO liberation_application;
GRANT SELECT ON events, head, event_log TO liberation_application, liberation_auditor;
