-- The column that V26 has added, as `portcullis migrate` writes it.
UPDATE audit_log_head SET kept_days = 400;
