-- Rows of the tables and columns that V8 has added.
UPDATE sessions SET renewed_counter = 2 WHERE id = '00000000-0000-4000-8000-000000000031';
