-- Durable channels, keys of the server API, what is denied to names and tokens, and sessions of outside issuers.

-- One row, made with the database: the epoch of every durable channel. Offsets of another database, or of this one before it
-- was made anew, are so told apart from those of this one.
CREATE TABLE channel_epoch (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch text    NOT NULL CHECK (epoch ~ '^[a-z]{8}$')
);
INSERT INTO channel_epoch (epoch)
SELECT string_agg(chr(97 + get_byte(uuid_send(gen_random_uuid()), 0) % 26), '') FROM generate_series(1, 8);

-- A durable channel that was published in. Never deleted: an offset is never given twice.
CREATE TABLE channels (
    name       text        PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 255),
    -- The offset of the newest publication.
    top        bigint      NOT NULL DEFAULT 0 CHECK (top >= 0),
    -- Everything up to this offset is gone: it was removed, or too old, or too much. Its rows may still be there.
    gone       bigint      NOT NULL DEFAULT 0 CHECK (gone >= 0 AND gone <= top),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);  -- Every publication changes its channel's row: there must be room for it beside the old one.

CREATE TABLE channel_messages (
    channel       text        NOT NULL REFERENCES channels ON DELETE CASCADE,
    -- Given in the transaction that raises `channels.top`: without holes, in the order of commits.
    seq           bigint      NOT NULL CHECK (seq > 0),
    -- The payload as it came, byte by byte.
    data          bytea       NOT NULL,
    -- Who published it; all null when the server did.
    subject       text,
    connection_id uuid,
    conn_info     bytea,
    chan_info     bytea,
    tags          json        CHECK (json_typeof(tags) = 'object'),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (channel, seq),
    CHECK ((subject IS NULL) = (connection_id IS NULL))
);

-- What was published under a key of the publisher's choosing, so that it is published once. Outlives the message.
CREATE TABLE channel_idempotency (
    channel    text        NOT NULL REFERENCES channels ON DELETE CASCADE,
    key        text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    seq        bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (channel, key)
);
CREATE INDEX channel_idempotency_expires_at ON channel_idempotency (expires_at);

-- Keys of the server API. The key itself is stored nowhere.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    hash         bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    -- Names of groups of methods, or of methods; `*` for all.
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz CHECK (expires_at > created_at),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (lower(name)) WHERE revoked_at IS NULL;

-- What is denied, at every door: a user, a token, or every token of a user that was issued before a moment. Like a revocation
-- it is announced to every node, and read by snapshot; a denial that is lifted, or changed, is a new row.
CREATE TABLE denials (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    txid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    origin        uuid        NOT NULL DEFAULT gen_random_uuid(),
    kind          text        NOT NULL CHECK (kind IN ('user', 'token', 'issued_before')),
    -- The user's name in realtime: an account's number, or what an outside issuer calls its user.
    subject       text        CHECK (octet_length(subject) <= 255),
    -- `jti`.
    token_id      text        CHECK (octet_length(token_id) BETWEEN 1 AND 255),
    issued_before timestamptz,
    -- For tokens of subscriptions to this channel only.
    channel       text        CHECK (octet_length(channel) BETWEEN 1 AND 255),
    lifted        boolean     NOT NULL DEFAULT false,
    expires_at    timestamptz,
    reason        text        NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 1000),
    created_at    timestamptz NOT NULL,
    CHECK ((kind = 'token') = (token_id IS NOT NULL)),
    CHECK ((kind = 'token') <> (subject IS NOT NULL)),
    CHECK ((kind = 'issued_before') = (issued_before IS NOT NULL)),
    CHECK (channel IS NULL OR kind = 'issued_before')
);
CREATE INDEX denials_txid ON denials (txid);
CREATE INDEX denials_user ON denials (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX denials_token ON denials (token_id, id) WHERE token_id IS NOT NULL;

-- The token that asked for a ticket: when that is denied, so is the ticket.
ALTER TABLE ws_tickets
    ADD COLUMN token_id        text CHECK (octet_length(token_id) <= 255),
    ADD COLUMN token_issued_ms bigint;

-- Sessions of connections that another identity provider, or nobody, vouches for. Each is one connection's own.
CREATE TABLE external_sessions (
    id            uuid        PRIMARY KEY,
    -- Name of the issuer in the settings; empty for a connection without a name.
    issuer        text        NOT NULL CHECK (octet_length(issuer) <= 100),
    subject       text        NOT NULL CHECK (octet_length(subject) <= 255),
    token_id      text        CHECK (octet_length(token_id) <= 255),
    connection_id uuid        NOT NULL,
    -- The process that holds the connection.
    node          uuid        NOT NULL,
    address       inet,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    expires_at    timestamptz,
    ended_at      timestamptz,
    -- When, and by what, it was ended by order.
    revoked_at    timestamptz,
    revocation_id bigint      REFERENCES revocations ON DELETE SET NULL
);
CREATE INDEX external_sessions_live ON external_sessions (subject) WHERE ended_at IS NULL AND revoked_at IS NULL;
CREATE INDEX external_sessions_last_seen ON external_sessions (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX external_sessions_by_start ON external_sessions (created_at DESC, id);
CREATE INDEX external_sessions_ended ON external_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX external_sessions_by_revocation ON external_sessions (revocation_id) WHERE revocation_id IS NOT NULL;

-- The subject of an event that is no account of this server; and by what key the server API was asked.
ALTER TABLE audit_events
    ADD COLUMN subject    text CHECK (octet_length(subject) <= 255),
    ADD COLUMN api_key_id uuid;

-- Revocations of sessions of outside issuers name the user by subject.
ALTER TABLE revocations
    ADD COLUMN subject text CHECK (octet_length(subject) <= 255),
    DROP CONSTRAINT revocations_scope_check,
    ADD CONSTRAINT revocations_scope_check CHECK (scope IN ('session', 'device', 'user', 'subject', 'all')),
    ADD CHECK ((scope = 'subject') = (subject IS NOT NULL));
