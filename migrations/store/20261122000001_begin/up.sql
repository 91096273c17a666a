-- One set of statements for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN and BYTEA only.
-- Instants are seconds since the epoch.

CREATE TABLE facts (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
-- The schema's version, and the oldest program that can still work with it.
INSERT INTO facts (name, value) VALUES ('version', '1');
INSERT INTO facts (name, value) VALUES ('min_code_version', '1');

CREATE TABLE clients (
    id TEXT PRIMARY KEY NOT NULL,
    metadata TEXT NOT NULL,
    secret_hash BYTEA,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    login TEXT NOT NULL UNIQUE,
    login_shown TEXT NOT NULL,
    password_hash TEXT,
    claims TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE consents (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE TABLE dead_grants (
    id BYTEA PRIMARY KEY NOT NULL,
    exp BIGINT NOT NULL
);
CREATE INDEX dead_grants_exp ON dead_grants (exp);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    alg TEXT NOT NULL,
    state TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    private_sealed BYTEA,
    created_at BIGINT NOT NULL,
    since BIGINT NOT NULL
);
-- Two active keys of one ring must be impossible, whatever a program does.
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (alg) WHERE state = 'active';

CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE TABLE audit (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
