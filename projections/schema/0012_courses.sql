-- Courses as they are now, and each revision as it was: what was bought stays what it was.
-- People's words are not here but in course_words, where they can be erased.
CREATE TABLE courses (
    course_id text COLLATE "C" PRIMARY KEY,
    author text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    words_id text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    level text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL,
    price_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    free boolean NOT NULL,
    estimated_minutes bigint NOT NULL,
    item_count bigint NOT NULL,
    instructors text[] NOT NULL,
    reason text NOT NULL,
    taken_down boolean NOT NULL,
    featured_at timestamptz,
    uploaded_at timestamptz NOT NULL,
    published_at timestamptz,
    updated_at timestamptz NOT NULL,
    published_position bigint,  -- of its first publication, which never changes: the order of the lists
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX courses_of_author ON courses (author, position DESC);
CREATE INDEX courses_of_words ON courses (words_id);
CREATE INDEX courses_by_status ON courses (status, position DESC);

-- The public list: a filter and an order in one index each, of what is published alone.
CREATE INDEX courses_newest ON courses (published_position DESC) WHERE status = 'published';
CREATE INDEX courses_of_category ON courses (category, published_position DESC) WHERE status = 'published';
CREATE INDEX courses_of_level ON courses (level, published_position DESC) WHERE status = 'published';
CREATE INDEX courses_of_language ON courses (language, published_position DESC) WHERE status = 'published';
CREATE INDEX courses_free ON courses (published_position DESC) WHERE status = 'published' AND free;
CREATE INDEX courses_featured ON courses (published_position DESC)
    WHERE status = 'published' AND featured_at IS NOT NULL;
CREATE INDEX courses_of_instructor ON courses USING gin (instructors) WHERE status = 'published';
CREATE INDEX courses_by_price ON courses (currency, price_minor, published_position)
    WHERE status = 'published';
CREATE INDEX courses_of_category_by_price ON courses (currency, category, price_minor, published_position)
    WHERE status = 'published';
CREATE INDEX courses_of_language_by_price ON courses (currency, language, price_minor, published_position)
    WHERE status = 'published';
CREATE INDEX courses_of_level_by_price ON courses (currency, level, price_minor, published_position)
    WHERE status = 'published';

CREATE TABLE course_revisions (
    course_id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    content jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (course_id, revision)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON courses, course_revisions TO liberation_application;
GRANT SELECT ON courses, course_revisions TO liberation_auditor;
