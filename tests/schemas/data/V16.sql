-- Rows of the tables that V16 has added, as the first server of this release writes them.
INSERT INTO lasting_keys (purpose, sealed, key_id, created_at) VALUES
    ('attempts', '\x{LASTING_attempts}', '{LASTING_KEY}', '2026-01-01 00:00:00+00'),
    ('decoys', '\x{LASTING_decoys}', '{LASTING_KEY}', '2026-01-01 00:00:00+00'),
    ('backup_codes', '\x{LASTING_backup_codes}', '{LASTING_KEY}', '2026-01-01 00:00:00+00'),
    ('import', '\x{LASTING_import}', '{LASTING_KEY}', '2026-01-01 00:00:00+00');
