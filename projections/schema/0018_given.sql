-- A course that was given for nothing counts in no list until its learner has begun it.
ALTER TABLE course_learners ADD COLUMN waits boolean NOT NULL DEFAULT false;

-- What an enrolment was sold for, and by which coupon.
ALTER TABLE enrolments
    ADD COLUMN price_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN discount_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN coupon text COLLATE "C" NOT NULL DEFAULT '';

-- All of it is of all facts, so the tables are folded again from the first.
TRUNCATE courses, course_revisions, course_learners, course_days, enrolments, learning;
DELETE FROM positions WHERE application_name IN ('courses', 'enrolments');
