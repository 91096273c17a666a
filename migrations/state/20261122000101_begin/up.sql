-- What passes: browser records, codes, spent marks, counters. Every row knows when it ends.
CREATE TABLE kv (
    k TEXT PRIMARY KEY NOT NULL,
    v BYTEA NOT NULL,
    spent BOOLEAN NOT NULL,
    n BIGINT NOT NULL,
    exp BIGINT NOT NULL
);
CREATE INDEX kv_exp ON kv (exp);

CREATE TABLE kv_index (
    name TEXT NOT NULL,
    member TEXT NOT NULL,
    exp BIGINT NOT NULL,
    PRIMARY KEY (name, member)
);
CREATE INDEX kv_index_exp ON kv_index (exp);
