DROP INDEX kv_sweep;
CREATE INDEX kv_exp ON kv (exp);
ALTER TABLE kv DROP COLUMN sweep;
