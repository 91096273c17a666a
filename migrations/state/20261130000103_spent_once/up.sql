-- What passes may begin anew: every value now carries a MAC, and what is spent once has a table of its own.
DROP TABLE kv;
CREATE TABLE kv (
    k TEXT PRIMARY KEY NOT NULL,
    v BYTEA NOT NULL,
    n BIGINT NOT NULL,
    exp BIGINT NOT NULL,
    sweep BIGINT NOT NULL
);
CREATE INDEX kv_sweep ON kv (sweep);
DELETE FROM kv_index;

-- Two rows for each value: the whole, which the first to spend it takes away, and beside it what is kept for those
-- who come later. A key begins with the instant at which both may go, so that new rows lie side by side at the end.
CREATE TABLE once (
    k BYTEA PRIMARY KEY NOT NULL,
    v BYTEA NOT NULL,
    exp BIGINT NOT NULL
);
