DROP TABLE resource_clients;
DROP TABLE resources;
