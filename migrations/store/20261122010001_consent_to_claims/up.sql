-- Claims that were allowed by name, beside those of the scopes.
ALTER TABLE consents ADD COLUMN claims TEXT NOT NULL DEFAULT '';
