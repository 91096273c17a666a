DROP INDEX signing_keys_one_published;
DROP INDEX signing_keys_one_pending;
ALTER TABLE signing_keys DROP COLUMN until;
