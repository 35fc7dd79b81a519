-- Lists that look for what is rare, so that they need not read all that is frequent.
CREATE INDEX audit_of_type ON audit (type, position);
CREATE INDEX webhooks_of_type ON webhooks (stripe_event_type, position);
CREATE INDEX webhooks_of_subject ON webhooks (subject, position) WHERE subject <> '';
CREATE INDEX webhooks_without_effect ON webhooks (result, position) WHERE result IN ('unchanged', 'ignored');
