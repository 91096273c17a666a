ALTER TABLE clients ADD COLUMN secret_hash BYTEA;
UPDATE clients SET secret_hash = (
    SELECT hash FROM client_secrets WHERE client_id = clients.id ORDER BY number DESC LIMIT 1
);
DROP TABLE client_secrets;
