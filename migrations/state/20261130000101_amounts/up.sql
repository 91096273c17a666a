-- What a budget holds, by the second until which it is held: each amount ends by itself.
CREATE TABLE kv_amount (
    name TEXT NOT NULL,
    exp BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (name, exp)
);
CREATE INDEX kv_amount_exp ON kv_amount (exp);
