DROP TABLE dead_tokens;
DROP TABLE grants;
