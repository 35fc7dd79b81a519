-- What is left of which award, what each redemption took, and what each month did to the tokens of each rule.
CREATE TABLE token_stretches (
    stretch_id text COLLATE "C" PRIMARY KEY,
    strip text COLLATE "C" NOT NULL,
    begins bigint NOT NULL,
    amount bigint NOT NULL,
    remaining bigint NOT NULL,
    rule text COLLATE "C" NOT NULL
);
CREATE INDEX token_stretches_on_strip ON token_stretches (strip, begins);

CREATE TABLE token_spent (
    spent_id text COLLATE "C" PRIMARY KEY,
    redemption_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    expires_on date NOT NULL,
    amount bigint NOT NULL,
    rule text COLLATE "C" NOT NULL
);
CREATE INDEX token_spent_by_redemption ON token_spent (redemption_id);

CREATE TABLE token_months (
    month date NOT NULL,
    rule text COLLATE "C" NOT NULL,
    awarded bigint NOT NULL,
    restored bigint NOT NULL,
    redeemed bigint NOT NULL,
    expired bigint NOT NULL,
    clawed_back bigint NOT NULL,
    penalised bigint NOT NULL,
    PRIMARY KEY (month, rule)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON token_stretches, token_spent, token_months TO liberation_application;
GRANT SELECT ON token_stretches, token_spent, token_months TO liberation_auditor;

-- How much and how often a user was given something, by hour and by day.
CREATE TABLE velocity (
    what text COLLATE "C" NOT NULL,
    span text COLLATE "C" NOT NULL,
    begins text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    admin_id text COLLATE "C" NOT NULL,
    seen bigint NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (what, span, begins, user_id, admin_id)
);
-- What is usual is in neither, so that they stay small, and most awards change none.
CREATE INDEX velocity_often ON velocity (what, span, seen) WHERE seen >= 5;
CREATE INDEX velocity_much ON velocity (what, span, amount) WHERE amount >= 400;

GRANT SELECT, INSERT, UPDATE, DELETE ON velocity TO liberation_application;
GRANT SELECT ON velocity TO liberation_auditor;
