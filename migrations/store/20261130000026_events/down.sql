CREATE TABLE audit (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
INSERT INTO audit (id, at, actor, event, subject, detail)
SELECT id, at, coalesce(actor, actor_kind), event, coalesce(subject, client, ''), context FROM events;
DROP TABLE events;
DROP TABLE person_keys;
DROP TABLE last_sign_ins;
