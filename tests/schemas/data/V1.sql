-- Rows of the tables of V1. Names in braces are replaced by values for the keys of the test server.
INSERT INTO users (id, email, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at) VALUES
    (1, 'Ada@Example.com', 'Ada', '{PASSWORD_HASH}', 'user', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00'),
    (2, 'grace@example.com', NULL, '{PASSWORD_HASH}', 'operator', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00'),
    (3, 'tim@example.com', 'Tim', '{PASSWORD_HASH}', 'user', 'suspended', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00'),
    (4, 'Jürgen@example.com', 'Jürgen', '{PASSWORD_HASH}', 'admin', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00');
SELECT setval(pg_get_serial_sequence('users', 'id'), 4);
INSERT INTO registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at, forgotten_at) VALUES
    (1, '00000000-0000-4000-8000-000000000011', '0123456789abcdef0123456789abcdef', 2, 'Mozilla/5.0', '192.0.2.1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL),
    (2, '00000000-0000-4000-8000-000000000012', NULL, 2, NULL, '2001:db8::1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL),
    (1, '00000000-0000-4000-8000-000000000013', NULL, 2, NULL, NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00');
