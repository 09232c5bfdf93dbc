-- Rows of the tables and columns that V2 has added.
INSERT INTO revocations (id, txid, scope, origin, session_id, user_id, cause, reason, actor_id, sessions, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, '1000', 'session', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000031', 1, 'signed_out', '', 1, 1, '2026-01-02 00:00:00+00'),
    (2, '1001', 'all', '00000000-0000-4000-8000-000000000022', NULL, NULL, 'revoked', 'an exercise', 2, 0, '2026-01-01 00:00:00+00'),
    (3, '1002', 'user', '00000000-0000-4000-8000-000000000023', NULL, 3, 'account_disabled', 'a test', NULL, 0, '2026-01-02 00:00:00+00');
SELECT setval(pg_get_serial_sequence('revocations', 'id'), 3);
INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_counter, refresh_rotated_at, used_counter, refresh_expires_at, privilege_epoch, privileged_until, method, address, user_agent, revoked_at, revocation_id) VALUES
    ('00000000-0000-4000-8000-000000000031', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 3, '2026-01-02 00:00:00+00', 3, '2099-01-01 00:00:00+00', 1, NULL, 'password', '192.0.2.1', 'Mozilla/5.0', '2026-01-02 00:00:00+00', 1),
    ('00000000-0000-4000-8000-000000000032', 1, '00000000-0000-4000-8000-000000000011', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 0, NULL, 0, '2099-01-01 00:00:00+00', 0, '2026-01-01 00:00:00+00', 'password', '192.0.2.1', NULL, NULL, NULL),
    ('00000000-0000-4000-8000-000000000033', 2, '00000000-0000-4000-8000-000000000012', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', 1, '2026-01-02 00:00:00+00', 0, '2099-01-01 00:00:00+00', 0, NULL, 'passkey', '2001:db8::1', NULL, NULL, NULL);
INSERT INTO ws_tickets (hash, session_id, scopes, expires_at) VALUES
    ('\xcc17bef09b291e933a8adef2fa0ec6485b25e733203df9522ae654729f000d3a', '00000000-0000-4000-8000-000000000032', '{chat}', '2026-01-02 00:00:00+00');
