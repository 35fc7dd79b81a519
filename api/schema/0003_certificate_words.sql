-- What a certificate says in words: who it is for, by the name that they had then, and how the course was called. The fact
-- has the row's id and a hash of salt and both; erasing takes salt and name, so that nothing is left to guess at.
CREATE TABLE certificate_words (
    words_id text COLLATE "C" PRIMARY KEY,
    learner_id text COLLATE "C" NOT NULL,
    name text,
    title text,
    salt bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
CREATE INDEX certificate_words_of_learner ON certificate_words (learner_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON certificate_words TO liberation_application;
