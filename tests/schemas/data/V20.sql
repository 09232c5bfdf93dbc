-- Rows of the tables that V20 has added: a log whose first month was dropped, and that a restore has cut once. The events of V3 wait in
-- the inbox.
CREATE TABLE audit_log_2026_01 (LIKE audit_log INCLUDING ALL);
ALTER TABLE audit_log ATTACH PARTITION audit_log_2026_01 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO audit_log (leaf_index, month, id, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id, api_key_id, request_id, detail, address_key, address, facts_key, facts, leaf_hash) VALUES
    {LOG_ENTRIES};
UPDATE audit_log_head SET log_id = '{LOG_ID}', generation = 2, generation_id = '{LOG_GENERATION}', size = 9, frontier = '\x{LOG_FRONTIER_9}', month = '2026-01-01', first_index = 3, dropped_frontier = '\x{LOG_FRONTIER_3}';
INSERT INTO audit_log_nodes (level, node_index, hash) VALUES
    {LOG_NODES_3};
INSERT INTO audit_log_restores (generation, generation_id, size, at) VALUES
    (1, '00000000-0000-4000-8000-0000000000c2', 7, '2026-01-03 00:00:00+00');
INSERT INTO audit_checkpoints (generation, size, at, note) VALUES
    (1, 3, '2026-01-01 00:00:00+00', '{LOG_CHECKPOINT_1_3}'),
    (1, 7, '2026-01-02 12:00:00+00', '{LOG_CHECKPOINT_1_7}'),
    (2, 9, '2026-01-03 00:00:00+00', '{LOG_CHECKPOINT_2_9}');
INSERT INTO audit_keys (purpose, sealed, key_id, created_at) VALUES
    ('signing', '\x{LOG_KEY_signing}', '{LOG_KEY}', '2026-01-01 00:00:00+00'),
    ('personal', '\x{LOG_KEY_personal}', '{LOG_KEY}', '2026-01-01 00:00:00+00');
INSERT INTO audit_personal_keys (id, person, wrapped) VALUES
    {LOG_PERSONAL_KEYS};
UPDATE database_origin SET restored_at = '2026-01-03 00:00:00+00';
