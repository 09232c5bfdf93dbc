-- Rows of the tables that V24 has added: a node, a revocation with its receipt, whose event waits in the inbox, and one without.
INSERT INTO nodes (id, started_at, renewed_at, lease_until, began, began_after, looked) VALUES
    ('00000000-0000-4000-8000-0000000000b3', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:03+00', '1000:1000:', 2, '1012:1014:1013');
INSERT INTO revocations (id, txid, scope, origin, user_id, cause, reason, actor_id, created_at, users, reported) OVERRIDING SYSTEM VALUE VALUES
    (7, '1010', 'users', '00000000-0000-4000-8000-000000000027', NULL, 'revoked', 'two accounts', 4, '2026-01-02 00:00:00+00', 2, true),
    (8, '1011', 'user', '00000000-0000-4000-8000-000000000028', 3, 'account_disabled', 'a test', 4, '2026-01-02 00:00:00+00', NULL, true);
SELECT setval(pg_get_serial_sequence('revocations', 'id'), 8);
INSERT INTO revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms) VALUES
    (7, '00000000-0000-4000-8000-0000000000b3', 'closed', 2, 0, 18),
    (8, '00000000-0000-4000-8000-0000000000b3', 'closing', 0, 0, NULL);
INSERT INTO audit_events (id, seq, at, event, outcome, detail) OVERRIDING SYSTEM VALUE VALUES
    ('00000000-0000-4000-8000-000000000046', 3, '2026-01-02 00:00:01+00', 'revocations.completed', 'success', '{"receipts": 1, "receipts_root": "{RECEIPT_ROOT}"}');
SELECT setval(pg_get_serial_sequence('audit_events', 'seq'), 3);
INSERT INTO revocation_receipts (revocation_id, document, reason_salt, event_id, batch_index, batch_size, batch_proof, created_at) VALUES
    (7, '{RECEIPT}', '{RECEIPT_SALT}', '00000000-0000-4000-8000-000000000046', 0, 1, '', '2026-01-02 00:00:01+00');
INSERT INTO receipts_due (revocation_id, written_at, counted) VALUES
    (8, '2026-01-02 00:00:00+00', NULL);
