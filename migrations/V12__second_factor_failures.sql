-- Wrong second factors in a row, over all nodes: how many there were, and until when no further one is judged.
CREATE TABLE second_factor_failures (
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- A device that the user knows, the session of a step-up, or the nil UUID for all other devices together: so those who
    -- guess elsewhere do not lock out the owner.
    source       uuid        NOT NULL,
    failures     integer     NOT NULL CHECK (failures > 0),
    last_at      timestamptz NOT NULL,
    -- Null as long as no delay runs: clocks of nodes differ.
    locked_until timestamptz,
    PRIMARY KEY (user_id, source)
);
CREATE INDEX second_factor_failures_last_at ON second_factor_failures (last_at);
