-- What was learnt by each attempt at a course: one that comes back has what it had.
CREATE TABLE learning (
    enrolment_id text COLLATE "C" PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    progress_bp bigint NOT NULL,
    completed_at timestamptz,
    completed_revision bigint,
    certificate_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX learning_of_stream ON learning (stream);

-- The same of the attempt that counts.
ALTER TABLE enrolments
    ADD COLUMN progress_bp bigint NOT NULL DEFAULT 0,
    ADD COLUMN completed_at timestamptz,
    ADD COLUMN completed_revision bigint,
    ADD COLUMN certificate_id text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX enrolments_by_id ON enrolments (enrolment_id);

-- Certificates. The name that is on one is not here but in certificate_words, where it can be erased.
CREATE TABLE certificates (
    certificate_id text COLLATE "C" PRIMARY KEY,
    enrolment_id text COLLATE "C" NOT NULL,
    course_id text COLLATE "C" NOT NULL,
    learner_id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    level text COLLATE "C" NOT NULL,
    words_id text COLLATE "C" NOT NULL,
    completed_at timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked_at timestamptz,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON learning, certificates TO liberation_application;
GRANT SELECT ON learning, certificates TO liberation_auditor;
