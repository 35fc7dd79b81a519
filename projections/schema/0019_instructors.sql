-- Who is named as an instructor of a course, and who of them has not accepted yet: `instructors` has those who count.
-- The courses are folded again from the first (0018), so that these are filled.
ALTER TABLE courses
    ADD COLUMN named text[] NOT NULL DEFAULT '{}',
    ADD COLUMN invited text[] NOT NULL DEFAULT '{}';
DROP INDEX courses_of_instructor;
CREATE INDEX courses_of_instructor ON courses USING gin (instructors);
CREATE INDEX courses_inviting ON courses USING gin (invited) WHERE invited <> '{}';
