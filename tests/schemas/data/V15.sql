-- Rows of the tables and columns that V15 has added.
UPDATE passkey_credentials SET user_handle = '\x01', backup_unknown = true WHERE id = '00000000-0000-4000-8000-000000000051';
