-- What a state is held for, in seconds since the epoch: a published key signs nothing before, a retiring
-- one stays public until then, an active one was asked to give way then (0: whenever the policy says).
ALTER TABLE signing_keys ADD COLUMN until BIGINT NOT NULL DEFAULT 0;
-- Spares that two nodes make at the same moment must not multiply, whatever a program does.
CREATE UNIQUE INDEX signing_keys_one_pending ON signing_keys (alg) WHERE state = 'pending';
CREATE UNIQUE INDEX signing_keys_one_published ON signing_keys (alg) WHERE state = 'published';
