-- What became of each mail: that it has left is known only here. Neither an address nor what stood in it.
CREATE TABLE mails (
    mail_id text COLLATE "C" PRIMARY KEY,  -- made of what happened: the Message-ID begins with it
    occasion text COLLATE "C" NOT NULL,
    position bigint NOT NULL,  -- of the fact that it tells of
    state text COLLATE "C" NOT NULL,  -- waiting, handed, sent, uncertain, refused, bounced or left_out
    handed integer NOT NULL DEFAULT 0,  -- how often a server may have it
    reason text NOT NULL DEFAULT '',
    first_at timestamptz NOT NULL,  -- by the service's clock: the Date of every copy
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX mails_unsettled ON mails (state) WHERE state IN ('handed', 'uncertain', 'refused');

-- Which database mail was sent from: one that was restored is another, and may lack what has left.
CREATE TABLE mail_origin (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    identity text NOT NULL
);
-- Another one once a backup is restored on another server, to another time, into another database, or in place.
CREATE FUNCTION mail_identity() RETURNS text
    LANGUAGE sql STABLE
    RETURN concat_ws(
        '/',
        (SELECT system_identifier FROM pg_control_system()),
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        (SELECT relnamespace FROM pg_class WHERE oid = 'mail_origin'::regclass)
    );

ALTER TABLE contacts
    ADD COLUMN language text COLLATE "C" NOT NULL DEFAULT 'en',
    ADD COLUMN bounced_at timestamptz;  -- of this address: it is left alone until there is another

GRANT SELECT, INSERT, UPDATE, DELETE ON mails, mail_origin TO liberation_application;
GRANT SELECT ON mails, mail_origin TO liberation_auditor;
