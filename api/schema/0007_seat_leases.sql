-- Until when a floating seat is held, moved on by heartbeats, which are no facts. A row is written before the seat
-- is claimed; `closed` says that a claim was made which names it as lapsed, so that a late heartbeat claims anew.
CREATE TABLE seat_leases (
    seat_id text COLLATE "C" PRIMARY KEY,
    licence_id text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    closed boolean NOT NULL DEFAULT false
);
CREATE INDEX seat_leases_of_licence ON seat_leases (licence_id, until);

-- What fingerprints of devices are hashed with, for each licence: without it a hash in a fact is of nobody.
CREATE TABLE seat_salts (
    licence_id text COLLATE "C" PRIMARY KEY,
    salt bytea NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON seat_leases, seat_salts TO liberation_application;
