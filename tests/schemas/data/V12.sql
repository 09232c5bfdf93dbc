-- Rows of the tables and columns that V12 has added.
INSERT INTO second_factor_failures (user_id, source, failures, last_at) VALUES
    (2, '00000000-0000-0000-0000-000000000000', 3, '2026-01-02 00:00:00+00');
