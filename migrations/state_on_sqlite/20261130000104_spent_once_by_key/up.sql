-- The same table, laid out by its key: a row is one entry of one B-tree, where it was one of a table and one of an
-- index. PostgreSQL has no such layout.
DROP TABLE once;
CREATE TABLE once (
    k BYTEA PRIMARY KEY NOT NULL,
    v BYTEA NOT NULL,
    exp BIGINT NOT NULL
) WITHOUT ROWID;
