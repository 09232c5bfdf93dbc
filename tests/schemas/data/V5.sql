-- Rows of the tables and columns that V5 has added.
INSERT INTO api_keys (id, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at) VALUES
    ('00000000-0000-4000-8000-000000000091', 'backend', '\x8fa3aab2faa9b79e0a0398da5b5abd0780142442a5be80b9a64608d718cb1fcd', '{*}', '2026-01-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00', NULL),
    ('00000000-0000-4000-8000-000000000092', 'older', '\xeb642510a5b44b7b3f820f4dc0590b75ec7037d3d4054c550e09c3d1da6ff820', '{publish}', '2026-01-01 00:00:00+00', '2026-06-01 00:00:00+00', NULL, '2026-01-02 00:00:00+00');
UPDATE channel_epoch SET epoch = 'abcdefgh';
INSERT INTO channels (name, top, gone, created_at, updated_at) VALUES
    ('chat:lobby', 3, 1, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00'),
    ('chat:empty', 5, 5, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
INSERT INTO channel_messages (channel, seq, data, subject, connection_id, tags, created_at) VALUES
    ('chat:lobby', 2, '\x7b2274657874223a2268656c6c6f227d', '1', '00000000-0000-4000-8000-000000000081', NULL, '2026-01-02 00:00:00+00'),
    ('chat:lobby', 3, '\x7b2274657874223a2266726f6d2074686520736572766572227d', NULL, NULL, '{"kind":"note"}', '2026-01-02 00:00:00+00');
INSERT INTO channel_idempotency (channel, key, seq, expires_at) VALUES
    ('chat:lobby', 'once', 3, '2026-01-03 00:00:00+00');
INSERT INTO denials (id, txid, origin, kind, subject, token_id, issued_before, lifted, expires_at, reason, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, '1000', '00000000-0000-4000-8000-0000000000a1', 'user', 'corp:eve', NULL, NULL, false, NULL, 'a test', '2026-01-01 00:00:00+00'),
    (2, '1001', '00000000-0000-4000-8000-0000000000a2', 'user', 'corp:ann', NULL, NULL, false, NULL, '', '2026-01-01 00:00:00+00'),
    (3, '1002', '00000000-0000-4000-8000-0000000000a3', 'user', 'corp:ann', NULL, NULL, true, NULL, '', '2026-01-02 00:00:00+00'),
    (4, '1003', '00000000-0000-4000-8000-0000000000a4', 'token', NULL, 'a-token', NULL, false, '2099-01-01 00:00:00+00', '', '2026-01-01 00:00:00+00'),
    (5, '1004', '00000000-0000-4000-8000-0000000000a5', 'issued_before', 'corp:bob', NULL, '2026-01-01 00:00:00+00', false, '2099-01-01 00:00:00+00', '', '2026-01-01 00:00:00+00');
SELECT setval(pg_get_serial_sequence('denials', 'id'), 5);
INSERT INTO external_sessions (id, issuer, subject, token_id, connection_id, node, address, created_at, last_seen_at, expires_at, ended_at) VALUES
    ('00000000-0000-4000-8000-0000000000b1', 'corp', 'corp:ann', 'a-token', '00000000-0000-4000-8000-0000000000b2', '00000000-0000-4000-8000-0000000000b3', '192.0.2.1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', NULL, '2026-01-02 00:00:00+00'),
    ('00000000-0000-4000-8000-0000000000b4', 'corp', 'corp:bob', NULL, '00000000-0000-4000-8000-0000000000b5', '00000000-0000-4000-8000-0000000000b3', NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2099-01-01 00:00:00+00', NULL);
