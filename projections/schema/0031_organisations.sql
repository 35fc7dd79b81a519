-- Organisations, their members and who is invited, classes and who is in them: each found from either side.
CREATE TABLE organisations (
    org_id text COLLATE "C" PRIMARY KEY,
    words_id text COLLATE "C" NOT NULL,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    position bigint NOT NULL
);

CREATE TABLE organisation_members (
    membership text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    joined_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX members_of_organisation ON organisation_members (org_id, position);
CREATE INDEX organisations_of_user ON organisation_members (user_id, position);

CREATE TABLE organisation_invitations (
    invitation_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    invited_by text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX open_invitations_of_organisation ON organisation_invitations (org_id, position)
    WHERE status = 'open';
CREATE INDEX open_invitations_of_user ON organisation_invitations (user_id, position)
    WHERE status = 'open' AND user_id <> '';

CREATE TABLE organisation_classes (
    class_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    words_id text COLLATE "C" NOT NULL,
    archived_at timestamptz,
    created_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX classes_of_organisation ON organisation_classes (org_id, position);

CREATE TABLE class_members (
    place text COLLATE "C" PRIMARY KEY,
    class_id text COLLATE "C" NOT NULL,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    joined_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX members_of_class ON class_members (class_id, position);
CREATE INDEX classes_of_member ON class_members (user_id, org_id);

GRANT SELECT, INSERT, UPDATE, DELETE
    ON organisations, organisation_members, organisation_invitations, organisation_classes, class_members
    TO liberation_application;
GRANT SELECT
    ON organisations, organisation_members, organisation_invitations, organisation_classes, class_members
    TO liberation_auditor;
