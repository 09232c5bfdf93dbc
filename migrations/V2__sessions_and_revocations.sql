-- Sessions, the revocations that end them, and the tickets that open one WebSocket each.

CREATE TABLE revocations (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The writing transaction. A reader that keeps the snapshot of its last look, and asks for what was not in it, sees
    -- every row once, in whatever order the transactions committed.
    txid              xid8        NOT NULL DEFAULT pg_current_xact_id(),
    scope             text        NOT NULL CHECK (scope IN ('session', 'device', 'user', 'all')),
    -- By which its node knows its own again when it hears of it.
    origin            uuid        NOT NULL DEFAULT gen_random_uuid(),
    -- What was revoked. No foreign keys: a revocation outlives what it ended.
    session_id        uuid,
    device_id         uuid,
    user_id           bigint,
    except_session_id uuid,
    cause             text        NOT NULL
                                  CHECK (cause IN ('revoked', 'signed_out', 'password_changed', 'account_disabled',
                                                   'refresh_reused', 'device_removed', 'role_changed',
                                                   'session_expired', 'session_limit')),
    reason            text        NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 1000),
    actor_id          bigint,
    sessions          integer     NOT NULL DEFAULT 0 CHECK (sessions >= 0),
    created_at        timestamptz NOT NULL DEFAULT now(),
    CHECK ((scope = 'session') = (session_id IS NOT NULL)),
    CHECK ((scope = 'device') = (device_id IS NOT NULL)),
    CHECK (scope <> 'user' OR user_id IS NOT NULL)
);

CREATE INDEX revocations_txid ON revocations (txid);
CREATE INDEX revocations_all ON revocations (id) WHERE scope = 'all';

CREATE TABLE sessions (
    id                 uuid        PRIMARY KEY,
    user_id            bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    device_id          uuid        NOT NULL,
    created_at         timestamptz NOT NULL,
    last_seen_at       timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    refresh_counter    bigint      NOT NULL DEFAULT 0 CHECK (refresh_counter >= 0),
    refresh_rotated_at timestamptz,
    used_counter       bigint      NOT NULL DEFAULT 0 CHECK (used_counter >= 0),
    retried_counter    bigint,
    refresh_expires_at timestamptz NOT NULL,
    -- Privilege of a fresh proof of presence: until when, and carried only by access tokens of this epoch, which every
    -- proof of presence and every new password raises.
    privilege_epoch    integer     NOT NULL DEFAULT 0 CHECK (privilege_epoch >= 0),
    privileged_until   timestamptz,
    method             text        NOT NULL CHECK (method IN ('password', 'second_factor', 'passkey')),
    address            inet,
    user_agent         text        CHECK (octet_length(user_agent) <= 1024),
    revoked_at         timestamptz,
    revocation_id      bigint      REFERENCES revocations ON DELETE SET NULL,
    FOREIGN KEY (user_id, device_id) REFERENCES registered_devices (user_id, id) ON DELETE CASCADE,
    CHECK (expires_at > created_at),
    CHECK (revocation_id IS NULL OR revoked_at IS NOT NULL)
);

CREATE INDEX sessions_live_by_user ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_live_by_last_seen ON sessions (last_seen_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_live_by_end ON sessions (expires_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_device ON sessions (device_id);
CREATE INDEX sessions_by_start ON sessions (created_at DESC, id);
CREATE INDEX sessions_by_revocation ON sessions (revocation_id) WHERE revocation_id IS NOT NULL;

CREATE TABLE ws_tickets (
    -- SHA-256 of the ticket; the ticket itself is stored nowhere.
    hash       bytea       PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    -- What the token that asked for the ticket was allowed: a ticket may not widen it.
    scopes     text[]      NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX ws_tickets_expires_at ON ws_tickets (expires_at);
CREATE INDEX ws_tickets_session ON ws_tickets (session_id);
