-- Rows of the tables and columns that V4 has added.
INSERT INTO backup_codes (user_id, hash, created_at, used_at) VALUES
    (2, '\x{CODE_HASH}', '2026-01-01 00:00:00+00', NULL),
    (2, '\x9dc962e0e321c903e8f6459e17a3c34d7d4f6696963e0a1170d7ed35509737aa', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO bans (key, reason, created_at, expires_at) VALUES
    ('203.0.113.9', 'a test', '2026-01-01 00:00:00+00', '2099-01-01 00:00:00+00');
INSERT INTO device_login_attempts (id, at, user_id, identifier, method, outcome, device_id, session_id, address, risk_score, risk_reasons) VALUES
    ('00000000-0000-4000-8000-000000000071', '2026-01-01 00:00:00+00', 1, '8c8d357b5e872bbacd45197626bd5759', 'password', 'success', '00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000031', '192.0.2.1', 35, '{}'),
    ('00000000-0000-4000-8000-000000000072', '2026-01-02 00:00:00+00', NULL, 'ad921d60486366258809553a3db49a4a', 'password', 'unknown_account', NULL, NULL, '192.0.2.2', NULL, '{}');
INSERT INTO passkey_credentials (id, user_id, credential_id, passkey, counter, name, created_at, last_used_at, suspended_at) VALUES
    ('00000000-0000-4000-8000-000000000051', 3, '\x0102', '{"note": "no usable passkey"}', 7, 'Key', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL),
    ('00000000-0000-4000-8000-000000000052', 3, '\x0304', '{"note": "no usable passkey"}', 0, 'Copied', '2026-01-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00');
INSERT INTO two_factor_challenges (id, kind, user_id, presession_id, generation, state, attempts, created_at, expires_at) VALUES
    ('00000000-0000-4000-8000-000000000061', 'sign_in', 2, '00000000-0000-4000-8000-000000000062', 0, '{}', 1, '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO user_two_factor (user_id, secret, key_id, last_step, created_at, confirmed_at, last_used_at) VALUES
    (2, '\x{TOTP_SECRET}', '{TOTP_KEY}', 58000000, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00'),
    (3, '\x00', 'unknown', 0, '2026-01-01 00:00:00+00', NULL, NULL);
UPDATE registered_devices SET label = 'Laptop', trust = 'trusted', trusted_until = '2099-01-01 00:00:00+00', country = 'DE', city = 'Berlin' WHERE id = '00000000-0000-4000-8000-000000000012';
UPDATE sessions SET risk_score = 35, risk_reasons = '{new_device}' WHERE id = '00000000-0000-4000-8000-000000000032';
UPDATE users SET webauthn_user_handle = '9972ccf5-2f44-b215-d98d-797c4e0625f9' WHERE id = 1;
UPDATE users SET webauthn_user_handle = '8baa202e-3726-78b5-9539-04367d481798' WHERE id = 2;
UPDATE users SET webauthn_user_handle = '69a4624e-6845-2374-8443-00afa686c665' WHERE id = 3;
UPDATE users SET webauthn_user_handle = '07ffe52d-132e-a8f6-1ba6-db94ebf1e9e5' WHERE id = 4;
