-- What people wrote of their courses, apart from every fact so that it can be erased: a row for each time that it
-- was written. The fact has the row's id and a hash of salt and words; erasing takes both, so that nothing is left to guess at.
CREATE TABLE course_words (
    words_id text COLLATE "C" PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    title text,
    description text,
    item_titles jsonb,  -- by the item's id
    language_config regconfig NOT NULL,
    -- Each word as the course's language has it, and as it is written.
    search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector(language_config, coalesce(title, '')), 'A')
        || setweight(to_tsvector('simple', coalesce(title, '')), 'A')
        || setweight(to_tsvector(language_config, coalesce(description, '')), 'B')
        || setweight(to_tsvector('simple', coalesce(description, '')), 'B')
        || setweight(to_tsvector(language_config, coalesce(item_titles, '{}'::jsonb)), 'C')
        || setweight(to_tsvector('simple', coalesce(item_titles, '{}'::jsonb)), 'C')
    ) STORED,
    salt bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
-- So that a rare word is known as one, and not looked for from course to course.
ALTER TABLE course_words ALTER COLUMN search SET STATISTICS 1000;
CREATE INDEX course_words_search ON course_words USING gin (search);
CREATE INDEX course_words_of_author ON course_words (author);

GRANT SELECT, INSERT, UPDATE, DELETE ON course_words TO liberation_application;
