-- When a row may be swept is kept, and indexed, apart from when its value ends: the end moves when a code
-- is spent or a session is used, and moving it in an index as well would double what such a change writes.
ALTER TABLE kv ADD COLUMN sweep BIGINT NOT NULL DEFAULT 0;
DROP INDEX kv_exp;
CREATE INDEX kv_sweep ON kv (sweep);
