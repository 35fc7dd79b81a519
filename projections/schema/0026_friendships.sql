-- Who are friends, who asked whom, and who blocks whom: a row for each two users, found by either.
CREATE TABLE friendships (
    stream text COLLATE "C" PRIMARY KEY,
    lesser text COLLATE "C" NOT NULL,
    greater text COLLATE "C" NOT NULL,
    friends boolean NOT NULL,
    asked_by text COLLATE "C" NOT NULL,
    unheard boolean NOT NULL,
    lesser_blocks boolean NOT NULL,
    greater_blocks boolean NOT NULL,
    since timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX friendships_of_lesser ON friendships (lesser);
CREATE INDEX friendships_of_greater ON friendships (greater);

GRANT SELECT, INSERT, UPDATE, DELETE ON friendships TO liberation_application;
GRANT SELECT ON friendships TO liberation_auditor;
