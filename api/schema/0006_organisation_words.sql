-- How people call an organisation and its classes, apart from every fact so that it can be erased: a row for each time that
-- it was written. As with courses, the fact has the row's id and a hash of salt and name.
CREATE TABLE organisation_words (
    words_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    name text,
    salt bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
CREATE INDEX organisation_words_of_author ON organisation_words (author);

GRANT SELECT, INSERT, UPDATE, DELETE ON organisation_words TO liberation_application;
