-- What learners say of courses, and the numbers of a course that follow from its learners.
ALTER TABLE courses
    ADD COLUMN learners bigint NOT NULL DEFAULT 0,
    ADD COLUMN stars_1 bigint NOT NULL DEFAULT 0,
    ADD COLUMN stars_2 bigint NOT NULL DEFAULT 0,
    ADD COLUMN stars_3 bigint NOT NULL DEFAULT 0,
    ADD COLUMN stars_4 bigint NOT NULL DEFAULT 0,
    ADD COLUMN stars_5 bigint NOT NULL DEFAULT 0,
    ADD COLUMN rating_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN rating_key bigint NOT NULL DEFAULT 0;  -- orders by the exact average; 0 without a rating
CREATE INDEX courses_by_rating ON courses (rating_key DESC, rating_count DESC, published_position DESC)
    WHERE status = 'published';
CREATE INDEX courses_by_learners ON courses (learners DESC, published_position DESC)
    WHERE status = 'published';

-- What each learner adds to the numbers of their course, now.
CREATE TABLE course_learners (
    stream text COLLATE "C" PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    live boolean NOT NULL,
    since date,
    rating bigint NOT NULL
);

-- How many of those who have a course began on which day (UTC).
CREATE TABLE course_days (
    course_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    enrolments bigint NOT NULL,
    PRIMARY KEY (course_id, day)
);
CREATE INDEX course_days_most ON course_days (day, enrolments DESC, course_id);

-- Reviews as they are now. People's words are not here but in review_words, where they can be erased.
CREATE TABLE reviews (
    review_id text COLLATE "C" PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL,
    learner_id text COLLATE "C" NOT NULL,
    rating bigint NOT NULL,
    words_id text COLLATE "C" NOT NULL,
    visible boolean NOT NULL,
    hidden boolean NOT NULL,
    reason text NOT NULL,
    withdrawn boolean NOT NULL,
    helpful bigint NOT NULL,
    reply_by text COLLATE "C" NOT NULL,
    reply_words_id text COLLATE "C" NOT NULL,
    posted_at timestamptz NOT NULL,
    edited_at timestamptz,
    replied_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX reviews_newest ON reviews (course_id, position DESC) WHERE visible;
CREATE INDEX reviews_by_helpful ON reviews (course_id, helpful DESC, position DESC) WHERE visible;
CREATE INDEX reviews_by_rating ON reviews (course_id, rating DESC, position DESC) WHERE visible;
CREATE INDEX reviews_of_learner ON reviews (learner_id, course_id, position DESC);
CREATE INDEX reviews_hidden ON reviews (position DESC) WHERE hidden;

-- The courses' numbers are of all facts, so their tables are folded again from the first.
TRUNCATE courses, course_revisions;
DELETE FROM positions WHERE application_name = 'courses';

GRANT SELECT, INSERT, UPDATE, DELETE ON course_learners, course_days, reviews TO liberation_application;
GRANT SELECT ON course_learners, course_days, reviews TO liberation_auditor;
