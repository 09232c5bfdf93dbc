-- Rows of the tables and columns that V7 has added.
UPDATE channel_epoch SET floor = 65536;
UPDATE channels SET due_at = '2026-01-03 00:00:00+00';
