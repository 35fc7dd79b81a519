-- Who wants to be seen; who never said so has no row.
CREATE TABLE visibilities (
    user_id text COLLATE "C" PRIMARY KEY,
    visibility text COLLATE "C" NOT NULL
);

-- A user's score in each window. It is published once the window is over: what comes later changes score_now alone.
CREATE TABLE leaderboard_scores (
    board text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    score bigint NOT NULL,
    reached_at timestamptz NOT NULL,
    score_now bigint NOT NULL,
    hidden boolean NOT NULL
);
-- No constraint, so that a rebuild may make it when all rows are there: to sort once is quicker than to insert.
CREATE UNIQUE INDEX leaderboard_scores_of_user ON leaderboard_scores (user_id, board);
-- In one direction throughout, so that a page begins behind any row at once.
CREATE INDEX leaderboard_scores_ranked ON leaderboard_scores (board, (-score), reached_at, user_id)
    WHERE score > 0 AND NOT hidden;

-- How many of those whom others see have which score, and on further levels in which 64, 4,096 … of them.
CREATE TABLE leaderboard_counts (
    board text COLLATE "C" NOT NULL,
    level bigint NOT NULL,
    node bigint NOT NULL,
    users bigint NOT NULL,
    PRIMARY KEY (board, level, node)
) WITH (fillfactor = 50);  -- rows that change with every batch stay on their page

GRANT SELECT, INSERT, UPDATE, DELETE ON visibilities, leaderboard_scores, leaderboard_counts
TO liberation_application;
GRANT SELECT ON visibilities, leaderboard_scores, leaderboard_counts TO liberation_auditor;
