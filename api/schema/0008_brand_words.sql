-- What an organisation calls itself before its people, where its logo is, and its domain, apart from every fact so that it
-- can be erased: a row for each time that it was set. As with its name, the fact has the row's id and a hash of it, salted.
CREATE TABLE brand_words (
    words_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    name text,
    logo text,
    domain text,
    salt bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
CREATE INDEX brand_words_of_author ON brand_words (author);

GRANT SELECT, INSERT, UPDATE, DELETE ON brand_words TO liberation_application;
