-- For the export of all that is kept of a person, which asks by user where nothing else does.
CREATE INDEX certificates_of_learner ON certificates (learner_id);
CREATE INDEX seats_of_user_ever ON seats (user_id);
CREATE INDEX token_requests_of_user ON token_requests (user_id);
CREATE INDEX invitations_of_user ON organisation_invitations (user_id) WHERE user_id <> '';
CREATE INDEX invitations_by_user ON organisation_invitations (invited_by);
