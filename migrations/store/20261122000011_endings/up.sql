-- People whose sessions, which are in another store, are still to be ended.
CREATE TABLE endings (
    user_id TEXT PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL
);
