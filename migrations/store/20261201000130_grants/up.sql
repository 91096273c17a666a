-- Grants that outlive a code: a family of refresh tokens is one. The id is the one that every token of the grant names.
-- `session_id` is set for a grant that ends with its session. `terms` is what was authorized, with the facts of the
-- authentication. `salt` is one byte that names the key of its refresh tokens, and random bytes. Nothing is written per
-- token: `generation` is that of the newest refresh token, `used_at` is when the one before it was used, and `used_before`
-- when the one before that. `idle_end` is never later than `absolute_end`, and at a revocation it moves to that instant: so
-- it is the end of the row.
CREATE TABLE grants (
    id BYTEA PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    session_id BYTEA,
    terms TEXT NOT NULL,
    agreed_at BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    used_before BIGINT NOT NULL,
    late_hits BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_why TEXT,
    absolute_end BIGINT NOT NULL,
    idle_end BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX grants_client ON grants (client_id, revoked_at);
CREATE INDEX grants_user ON grants (user_id);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_idle_end ON grants (idle_end);

-- Access tokens that were revoked one by one, by `jti`, until they have expired.
CREATE TABLE dead_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    exp BIGINT NOT NULL
);
CREATE INDEX dead_tokens_exp ON dead_tokens (exp);
