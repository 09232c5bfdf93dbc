-- Rows of the tables that V25 has added: a drill that was asked for, and one that a node never finished, with the canary account.
INSERT INTO users (id, email, account_key, display_name, password_hash, role, status, generation, created_at, updated_at, password_changed_at, webauthn_user_handle) VALUES
    (9, 'canary-00000000000040008000000000000009@portcullis.invalid', 'canary-00000000000040008000000000000009@portcullis.invalid', 'Canary of drills', '!', 'canary', 'active', 0, '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', 'a4c1f7d2-3b6e-4f58-8d90-7e2b1c5a6d09');
SELECT setval(pg_get_serial_sequence('users', 'id'), 9);
INSERT INTO registered_devices (user_id, id, fingerprint, fingerprint_version, user_agent, address, created_at, last_seen_at) VALUES
    (9, '00000000-0000-0000-0000-000000000001', '00000000000000000000000000000000', 2, NULL, '127.0.0.1', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO revocations (id, txid, scope, origin, session_id, user_id, cause, reason, sessions, created_at, reported) OVERRIDING SYSTEM VALUE VALUES
    (9, '1012', 'session', '00000000-0000-4000-8000-000000000029', '00000000-0000-4000-8000-000000000039', 9, 'drill', 'drill', 1, '2026-01-02 00:00:00+00', true);
SELECT setval(pg_get_serial_sequence('revocations', 'id'), 9);
INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, privileged_until, method, address, revoked_at, revocation_id) VALUES
    ('00000000-0000-4000-8000-000000000039', 9, '00000000-0000-0000-0000-000000000001', '2026-01-02 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:10:00+00', '2026-01-02 00:10:00+00', '2026-01-02 00:00:00+00', 'drill', '127.0.0.1', '2026-01-02 00:00:00+00', 9);
INSERT INTO drill_requests (id, requested_at) VALUES
    ('00000000-0000-4000-8000-0000000000d6', '2026-01-02 00:00:00+00');
INSERT INTO drills (id, node, request_id, started_by, started_at, finished_at, outcome, report, session_id, offered_at, claimed_by, claimed_at) VALUES
    ('00000000-0000-4000-8000-0000000000d7', '00000000-0000-4000-8000-0000000000b3', '00000000-0000-4000-8000-0000000000d6', 'command_line', '2026-01-02 00:00:00+00', '2026-01-02 00:00:01+00', 'passed', '{"doors": [{"after_ms": 3.2, "bound_ms": 50, "door": "api", "note": null, "revoked_by": "this_node", "verdict": "in_time"}], "drill": "00000000-0000-4000-8000-0000000000d7", "note": null, "node": "00000000-0000-4000-8000-0000000000b3", "outcome": "passed"}', '00000000-0000-4000-8000-000000000039', '2026-01-02 00:00:00+00', '00000000-0000-4000-8000-0000000000b6', '2026-01-02 00:00:00+00'),
    ('00000000-0000-4000-8000-0000000000d8', '00000000-0000-4000-8000-0000000000b3', NULL, 'schedule', '2026-01-02 00:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
