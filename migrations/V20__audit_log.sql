-- The audit log as a Merkle log. Transactions insert events into audit_events, as before: it is the inbox. A job moves events
-- from the inbox into audit_log, where each has a number and the hash of its leaf. Personal fields are sealed on the way.
-- Entries are never changed; whole months are dropped when they are old.

-- The head of the log. Its lock orders the writers.
CREATE TABLE audit_log_head (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_id     uuid    NOT NULL DEFAULT gen_random_uuid(),
    -- Raised by a restore: the entries after the backup are given again, so the restored log must not be taken for the lost one.
    generation integer NOT NULL DEFAULT 1 CHECK (generation >= 1),
    -- A number alone does not name a generation: two restores of one backup give the same number.
    generation_id uuid NOT NULL DEFAULT gen_random_uuid(),
    size       bigint  NOT NULL DEFAULT 0 CHECK (size >= 0),
    -- The hashes of the complete subtrees, from the largest to the smallest.
    frontier   bytea   NOT NULL DEFAULT '',
    -- The first day of the month of the newest entry. Months never go backwards.
    month      date    NOT NULL DEFAULT '1970-01-01',
    -- Entries with smaller numbers were dropped. The hashes that they leave are in dropped_frontier.
    first_index      bigint NOT NULL DEFAULT 0 CHECK (first_index >= 0),
    dropped_frontier bytea  NOT NULL DEFAULT ''
);
INSERT INTO audit_log_head DEFAULT VALUES;

CREATE TABLE audit_log (
    leaf_index    bigint      NOT NULL CHECK (leaf_index >= 0),
    -- The month in which the event entered the log. It follows the numbers, so a month is a range of numbers.
    month         date        NOT NULL,
    id            uuid        NOT NULL,
    at            timestamptz NOT NULL,
    event         text        NOT NULL,
    outcome       text        NOT NULL,
    actor_id      bigint,
    user_id       bigint,
    session_id    uuid,
    device_id     uuid,
    connection_id uuid,
    api_key_id    uuid,
    request_id    text,
    -- JSON as text: the leaf contains its bytes.
    detail        text        NOT NULL,
    address_key   uuid,
    address       bytea,
    facts_key     uuid,
    facts         bytea,
    leaf_hash     bytea       NOT NULL CHECK (octet_length(leaf_hash) = 32),
    PRIMARY KEY (leaf_index, month),
    CHECK ((address_key IS NULL) = (address IS NULL)),
    CHECK ((facts_key IS NULL) = (facts IS NULL))
) PARTITION BY RANGE (month);
CREATE INDEX audit_log_id ON audit_log (id);
CREATE INDEX audit_log_user ON audit_log (user_id, leaf_index) WHERE user_id IS NOT NULL;
CREATE INDEX audit_log_actor ON audit_log (actor_id, leaf_index) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_event ON audit_log (event, leaf_index);
CREATE INDEX audit_log_session ON audit_log (session_id, leaf_index) WHERE session_id IS NOT NULL;
CREATE INDEX audit_log_refused ON audit_log (outcome, leaf_index) WHERE outcome <> 'success';
CREATE INDEX audit_log_at ON audit_log (at);

-- Hashes of complete subtrees: those over 256, 65536, … entries, and the smaller ones at the end of a dropped month.
CREATE TABLE audit_log_nodes (
    level      smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    node_index bigint   NOT NULL CHECK (node_index >= 0),
    hash       bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, node_index)
);

-- Signed checkpoints (C2SP tlog-checkpoint).
CREATE TABLE audit_checkpoints (
    generation integer     NOT NULL,
    size       bigint      NOT NULL CHECK (size >= 0),
    at         timestamptz NOT NULL,
    note       text        NOT NULL,
    PRIMARY KEY (generation, size)
);

-- Where restores have cut the log: from this size on, the entries of the generation are lost.
CREATE TABLE audit_log_restores (
    generation integer     PRIMARY KEY,
    generation_id uuid     NOT NULL,
    size       bigint      NOT NULL,
    at         timestamptz NOT NULL
);

-- The keys of the log, sealed with the data encryption key: 'signing' signs checkpoints unless a setting gives the key, and
-- 'personal' wraps the keys of persons. Not in lasting_keys, because older servers refuse purposes that they do not know.
CREATE TABLE audit_keys (
    purpose    text        PRIMARY KEY CHECK (purpose IN ('signing', 'personal')),
    sealed     bytea       NOT NULL,
    key_id     text        NOT NULL,
    created_at timestamptz NOT NULL
);

-- The keys of personal fields. A destroyed key has no bytes; the fields that it sealed can no longer be read.
CREATE TABLE audit_personal_keys (
    id           uuid PRIMARY KEY,
    -- Null for the key of one event.
    person       text,
    wrapped      bytea,
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE UNIQUE INDEX audit_personal_keys_live ON audit_personal_keys (person) WHERE wrapped IS NOT NULL;
CREATE INDEX audit_personal_keys_person ON audit_personal_keys (person) WHERE person IS NOT NULL;
