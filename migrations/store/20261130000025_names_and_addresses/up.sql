-- What login names look like: two people whose names share a skeleton could be taken for one another.
CREATE TABLE skeletons (
    skeleton TEXT PRIMARY KEY NOT NULL,
    person TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX skeletons_person ON skeletons (person);

-- E-mail addresses, folded. An address may be recorded for several people; it signs in the only one who has
-- verified it. `verified_at` is empty until then.
CREATE TABLE addresses (
    address TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    verified_at BIGINT,
    PRIMARY KEY (address, person)
);
CREATE INDEX addresses_person ON addresses (person);
