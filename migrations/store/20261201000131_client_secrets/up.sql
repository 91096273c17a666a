-- Secrets of clients: one, or two while a new one takes the place of the old one. Numbers of one client grow. `sealed` is
-- the secret itself under the instance key, for clients that need it back: to verify or to make a MAC. Without `ends_at` a
-- secret lasts. Its last use is written while a client has two.
CREATE TABLE client_secrets (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    sealed BYTEA,
    created_at BIGINT NOT NULL,
    ends_at BIGINT,
    last_used_at BIGINT,
    last_used_network TEXT,
    PRIMARY KEY (client_id, number)
);
INSERT INTO client_secrets (client_id, number, hash, created_at)
SELECT id, 1, secret_hash, created_at FROM clients WHERE secret_hash IS NOT NULL;
ALTER TABLE clients DROP COLUMN secret_hash;
