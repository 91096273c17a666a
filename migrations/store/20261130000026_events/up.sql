-- What happened: changes, sign-ins, and what an operator must know. The names of events are those of the
-- catalogue in the program. `sealed` is readable only under the key of the person it is about.
CREATE TABLE events (
    id TEXT PRIMARY KEY NOT NULL,
    seq BIGINT,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT,
    event TEXT NOT NULL,
    subject TEXT,
    client TEXT,
    outcome TEXT NOT NULL,
    via TEXT NOT NULL,
    request_id TEXT,
    network TEXT,
    context TEXT NOT NULL,
    sealed BYTEA
);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_subject ON events (subject, at);
CREATE INDEX events_client ON events (client, at);

-- What was told before. The login name in the particulars of a new person is personal detail, which SQL
-- cannot seal: it is left out, and stands in the account.
INSERT INTO events (id, at, actor_kind, actor, event, subject, client, outcome, via, context)
SELECT
    id,
    at,
    CASE WHEN actor IN ('cli', 'system') THEN actor WHEN actor = 'demo' THEN 'system' ELSE 'person' END,
    CASE WHEN actor IN ('cli', 'system') THEN NULL ELSE actor END,
    CASE event
        WHEN 'client.added' THEN 'app.created'
        WHEN 'client.changed' THEN 'app.changed'
        WHEN 'client.secret_rotated' THEN 'app.secret.rotated'
        WHEN 'client.removed' THEN 'app.removed'
        WHEN 'user.added' THEN 'person.created'
        WHEN 'user.password_set' THEN 'person.password.changed'
        WHEN 'user.disabled' THEN 'person.disabled'
        WHEN 'user.enabled' THEN 'person.enabled'
        WHEN 'consent.allowed' THEN 'grant.given'
        WHEN 'grant.revoked' THEN 'grant.reused'
        WHEN 'key.rotation_asked' THEN 'key.rotation.asked'
        WHEN 'keys.resealed' THEN 'key.resealed'
        ELSE event
    END,
    CASE
        WHEN event = 'consent.allowed' THEN actor
        WHEN event = 'grant.revoked' OR event LIKE 'client.%' THEN NULL
        ELSE subject
    END,
    CASE WHEN event = 'consent.allowed' OR event LIKE 'client.%' THEN subject ELSE NULL END,
    'ok',
    CASE WHEN actor = 'cli' THEN 'cli' WHEN actor IN ('system', 'demo') THEN 'system' ELSE 'page' END,
    CASE
        WHEN event = 'grant.revoked' THEN '{"grant":"' || subject || '"}'
        WHEN detail = '' OR event LIKE 'user.%' THEN '{}'
        ELSE '{"detail":"' || replace(replace(detail, '\', '\\'), '"', '\"') || '"}'
    END
FROM audit;
DROP TABLE audit;

-- The key of each person under which personal detail is sealed; itself sealed by a secret of the installation.
-- Without its row nothing of that detail can be read again.
CREATE TABLE person_keys (
    person TEXT PRIMARY KEY NOT NULL,
    sealed BYTEA NOT NULL
);

-- Events are swept; when somebody signed in last is kept.
CREATE TABLE last_sign_ins (
    person TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    client TEXT
);
