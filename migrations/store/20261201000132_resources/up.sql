-- Resources beside those of the configuration file. `id` is the identifier in the form in which identifiers are compared.
-- `declaration` is what the file has as `[[resource]]`, as JSON; the clients that act as the resource have a table of
-- their own, so that a removed client acts as none.
CREATE TABLE resources (
    id TEXT PRIMARY KEY NOT NULL,
    declaration TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE resource_clients (
    resource_id TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    PRIMARY KEY (resource_id, client_id)
);
CREATE INDEX resource_clients_client ON resource_clients (client_id);
