-- Rows of the tables and columns that V13 has added.
UPDATE service_time SET seen_at = '2026-01-02 00:00:00+00', outage_from = '2026-01-01 00:00:00+00', outage_until = '2026-01-01 01:00:00+00', written_by = '1000';
