-- Rows of the tables and columns that V19 has added.
INSERT INTO revocations (id, txid, scope, origin, cause, reason, actor_id, sessions, created_at, network, opened_since, users, excluded, more, reported) OVERRIDING SYSTEM VALUE VALUES
    (4, '1006', 'network', '00000000-0000-4000-8000-000000000024', 'revoked', 'a wave', 4, 1, '2026-01-01 00:00:00+00', '203.0.113.0/24', NULL, NULL, 1, true, true),
    (5, '1007', 'opened_since', '00000000-0000-4000-8000-000000000025', 'revoked', 'a wave', 4, 1, '2026-01-01 00:00:00+00', NULL, '2025-12-31 00:00:00+00', NULL, 0, false, true),
    (6, '1008', 'users', '00000000-0000-4000-8000-000000000026', 'revoked', 'two accounts', 4, 0, '2026-01-02 00:00:00+00', NULL, NULL, 2, 0, false, true);
SELECT setval(pg_get_serial_sequence('revocations', 'id'), 6);
INSERT INTO revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms) VALUES
    (4, '00000000-0000-4000-8000-0000000000b3', 'closed', 2, 0, 18),
    (4, '00000000-0000-4000-8000-0000000000b6', 'incomplete', 1, 1, 2000),
    (5, '00000000-0000-4000-8000-0000000000b3', 'closing', 0, 0, NULL);
INSERT INTO statistics (step, series, at, node, label, value, minutes, highest, buckets) VALUES
    (60, 'sign_ins', '2026-01-02 00:01:00+00', '00000000-0000-4000-8000-0000000000b3', 'success', 3, 1, 0, NULL),
    (60, 'sessions', '2026-01-02 00:01:00+00', '00000000-0000-0000-0000-000000000000', '', 2, 1, 2, NULL),
    (3600, 'revocations', '2026-01-01 00:00:00+00', '00000000-0000-4000-8000-0000000000b3', 'revoked', 2, 2, 0, '{0,0,0,1,1,0,0,0,0,0,0,0,0,0,0}');
UPDATE channels SET erased_in = '1009' WHERE name = 'chat:lobby';
