-- Keys that a rotation of DATA_ENCRYPTION_KEY does not change, because the database keeps what they have made: hashes of backup
-- codes, hashes of the names in sign-in attempts, and ids of imported rows. They are sealed with the data encryption key.
CREATE TABLE lasting_keys (
    purpose    text        PRIMARY KEY CHECK (purpose IN ('attempts', 'decoys', 'backup_codes', 'import')),
    sealed     bytea       NOT NULL,
    -- The public name of the key that opens `sealed`.
    key_id     text        NOT NULL,
    created_at timestamptz NOT NULL
);

-- A job finds what a retired key has sealed.
CREATE INDEX user_two_factor_key_id ON user_two_factor (key_id);
