DELETE FROM facts WHERE name = 'client_changes';
DROP TABLE client_changes;
