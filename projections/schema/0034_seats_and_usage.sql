-- Seats of licences, found by licence and by whose they are; and what is used of licences, by month and by day.
CREATE TABLE seats (
    seat_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    floating boolean NOT NULL,
    activated_at timestamptz NOT NULL,
    ended text COLLATE "C" NOT NULL,
    ended_at timestamptz,
    position bigint NOT NULL
);
CREATE INDEX seats_of_licence ON seats (licence_id, position DESC) WHERE ended = '';
CREATE INDEX seats_of_user ON seats (user_id) WHERE ended = '';

CREATE TABLE usage_months (
    usage_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    metric text COLLATE "C" NOT NULL,
    month text COLLATE "C" NOT NULL,
    used bigint NOT NULL,
    peak bigint NOT NULL,
    beyond bigint NOT NULL,
    most bigint,
    alerted_percent bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX usage_months_of_licence ON usage_months (licence_id, metric, month);

CREATE TABLE usage_days (
    day_id text COLLATE "C" PRIMARY KEY,
    usage_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    used bigint NOT NULL
);
CREATE INDEX usage_days_of_month ON usage_days (usage_id, day);

GRANT SELECT, INSERT, UPDATE, DELETE ON seats, usage_months, usage_days TO liberation_application;
GRANT SELECT ON seats, usage_months, usage_days TO liberation_auditor;
