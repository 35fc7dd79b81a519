-- When the first score was recorded, on one row: a window that was over by then was never published.
CREATE TABLE leaderboard_first_scores (
    board text COLLATE "C" PRIMARY KEY,
    recorded_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON leaderboard_first_scores TO liberation_application;
GRANT SELECT ON leaderboard_first_scores TO liberation_auditor;

-- They are folded anew from the first fact on.
TRUNCATE visibilities, leaderboard_scores, leaderboard_counts;
DELETE FROM positions WHERE application_name = 'leaderboards';
