-- Logos of clients, as they were fetched. Until `due` nobody fetches again; without a name it could not be had.
CREATE TABLE logos (
    client_id TEXT PRIMARY KEY NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    due BIGINT NOT NULL,
    name TEXT,
    image BYTEA
);
CREATE INDEX logos_name ON logos (name);
