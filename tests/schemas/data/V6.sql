-- Rows of the tables and columns that V6 has added.
UPDATE channels SET version = 4, version_epoch = 'v' WHERE name = 'chat:lobby';
