DROP TABLE kv_index;
DROP TABLE kv;
