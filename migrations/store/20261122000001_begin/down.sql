DROP TABLE audit;
DROP TABLE secrets;
DROP TABLE signing_keys;
DROP TABLE dead_grants;
DROP TABLE consents;
DROP TABLE users;
DROP TABLE clients;
DROP TABLE facts;
