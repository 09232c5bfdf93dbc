-- Rows of the tables that V18 has added, and an account with its new role.
INSERT INTO users (id, email, account_key, display_name, password_hash, role, status, generation, created_at, updated_at, last_login_at, password_changed_at, webauthn_user_handle) VALUES
    (5, 'audit@example.com', 'audit@example.com', NULL, '{PASSWORD_HASH}', 'auditor', 'active', 0, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-01 00:00:00+00', 'd5a3a4ea-7e5a-4a3d-9c84-0a0d6a4f3b05');
SELECT setval(pg_get_serial_sequence('users', 'id'), 5);
INSERT INTO idempotency_keys (user_id, key, request_hash, status, answer, created_at, expires_at) VALUES
    (4, 'created', '\x38b0580b3e2c94ef3cf5b2a3ec7cd6d3c0c8e7e1d1f1f3b3a3b4b1d7d9a6c2f1', 201, '{"password":null,"user":{"email":"audit@example.com","id":5,"role":"auditor"}}', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00'),
    (2, 'unanswered', '\x1f0c7b3f8a6d5e4c2b1a09f8e7d6c5b4a3928170655443322110ffeeddccbbaa', NULL, NULL, '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00');
