DROP TABLE kv_amount;
