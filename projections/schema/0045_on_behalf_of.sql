-- For whom a service did it; empty where somebody did it for themselves, as in all that was recorded before.
ALTER TABLE audit ADD COLUMN on_behalf_of text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX audit_of_user ON audit (on_behalf_of, position) WHERE on_behalf_of <> '';
