-- What learners wrote in reviews and instructors in replies, apart from every fact so that it can be erased: a row for
-- each time that it was written. As with courses, the fact has the row's id and a hash of salt and words.
CREATE TABLE review_words (
    words_id text COLLATE "C" PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    text text,
    salt bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
CREATE INDEX review_words_of_author ON review_words (author);

GRANT SELECT, INSERT, UPDATE, DELETE ON review_words TO liberation_application;
