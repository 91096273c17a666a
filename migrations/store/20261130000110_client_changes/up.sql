-- Which clients were changed lately, so that nodes which keep clients in memory see it. The number is the one of the
-- fact `client_changes`, whose row each change locks: so numbers become visible in their order.
CREATE TABLE client_changes (
    seq BIGINT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL
);
INSERT INTO client_changes (seq, client_id) VALUES (0, '');
INSERT INTO facts (name, value) VALUES ('client_changes', '0');
