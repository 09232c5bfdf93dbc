-- Rows of the table that V23 has added: a request that waits, an erasure under way, and one that is done, with the key that it destroyed.
INSERT INTO users (id, email, account_key, password_hash, role, status, generation, created_at, updated_at, password_changed_at, webauthn_user_handle) VALUES
    (6, 'mary@example.com', 'mary@example.com', '{PASSWORD_HASH}', 'user', 'deactivated', 1, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00', '2e0a2f5e-53a8-4a84-9a27-5d6b0c9f7a06'),
    (7, 'erased-7@invalid', NULL, '!', 'user', 'deactivated', 1, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-01 00:00:00+00', '6d1f0b9c-1c55-4a0e-8b6e-9f3a7c2d4b07');
UPDATE users SET account_key = NULL WHERE id = 7;
SELECT setval(pg_get_serial_sequence('users', 'id'), 8);
INSERT INTO erasures (user_id, account_created_at, state, requested_by, actor_id, reason, status_before, requested_at, due_at, begun_at, erased_at, swept_at, name_hash, addresses, pseudonym) VALUES
    (6, '2026-01-01 00:00:00+00', 'pending', 'operator', 4, 'by letter', 'active', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL),
    (7, '2026-01-01 00:00:00+00', 'erasing', 'user', 7, 'I leave', 'active', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', NULL, NULL, '5f2d0c7e9b8a41d6a3c4e5f60718293a', '{198.51.100.7,2001:db8::7}', 'erased-00000000000040008000000000000007'),
    (8, '2026-01-01 00:00:00+00', 'erased', 'command_line', NULL, '', 'suspended', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 01:00:00+00', NULL, NULL, 'erased-00000000000040008000000000000008');
INSERT INTO audit_personal_keys (id, person, wrapped, destroyed_at) VALUES
    ('00000000-0000-4000-8000-0000000000f8', 'user:8', NULL, '2026-01-02 00:00:00+00');
