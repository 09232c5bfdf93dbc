-- Rows of the tables and columns that V3 has added.
INSERT INTO audit_events (id, seq, at, event, outcome, actor_id, user_id, session_id, device_id, address, request_id, detail) OVERRIDING SYSTEM VALUE VALUES
    ('00000000-0000-4000-8000-000000000041', 1, '2026-01-01 00:00:00+00', 'session.opened', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000011', '192.0.2.1', 'request-1', '{"method": "password"}'),
    ('00000000-0000-4000-8000-000000000042', 2, '2026-01-02 00:00:00+00', 'session.signed_out', 'success', 1, 1, '00000000-0000-4000-8000-000000000031', NULL, NULL, NULL, '{}');
SELECT setval(pg_get_serial_sequence('audit_events', 'seq'), 2);
