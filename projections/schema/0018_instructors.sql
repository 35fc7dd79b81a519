-- Who is named as an instructor of a course, and who of them has not accepted yet: `instructors` has those who count.
ALTER TABLE courses
    ADD COLUMN named text[] NOT NULL DEFAULT '{}',
    ADD COLUMN invited text[] NOT NULL DEFAULT '{}';
UPDATE courses SET named = instructors;
DROP INDEX courses_of_instructor;
CREATE INDEX courses_of_instructor ON courses USING gin (instructors);
CREATE INDEX courses_inviting ON courses USING gin (invited) WHERE invited <> '{}';
