-- Rows of the tables and columns that V17 has added: the database was in service elsewhere.
UPDATE database_origin SET in_service_since = '2026-01-01 00:00:00+00', cluster = 1, database = 5, timeline = 1, written_by = '1000';
INSERT INTO denials (id, txid, origin, kind, issued_before, expires_at, created_at) OVERRIDING SYSTEM VALUE VALUES
    (6, '1005', '00000000-0000-4000-8000-0000000000a6', 'all_issued_before', '2026-01-01 00:00:00+00', '2026-02-01 00:00:00+00', '2026-01-01 00:00:00+00');
SELECT setval(pg_get_serial_sequence('denials', 'id'), 6);
