-- Enrolments as they are now: one row for a learner at a course.
CREATE TABLE enrolments (
    stream text COLLATE "C" PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL,
    learner_id text COLLATE "C" NOT NULL,
    buyer_id text COLLATE "C" NOT NULL,
    enrolment_id text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    expiring boolean NOT NULL,
    refund_id text COLLATE "C" NOT NULL,
    reserved_at timestamptz,
    expires_at timestamptz,
    activated_at timestamptz,
    revoked_at timestamptz,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX enrolments_of_learner ON enrolments (learner_id, position DESC);
CREATE INDEX enrolments_given_by ON enrolments (buyer_id, position DESC) WHERE buyer_id <> learner_id;
CREATE INDEX enrolments_of_course ON enrolments (course_id, position DESC);
CREATE INDEX enrolments_expiring ON enrolments (expires_at, stream) WHERE status = 'reserved' AND NOT expiring;

GRANT SELECT, INSERT, UPDATE, DELETE ON enrolments TO liberation_application;
GRANT SELECT ON enrolments TO liberation_auditor;
