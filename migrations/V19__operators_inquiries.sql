-- What operators ask about: revocations and how far they are carried out, attempts to sign in, and figures over time.

-- How far each node has carried a reported revocation out.
CREATE TABLE revocation_nodes (
    revocation_id  bigint      NOT NULL REFERENCES revocations ON DELETE CASCADE,
    node           uuid        NOT NULL,
    -- `closing` until the node has waited for the sockets; then `closed`, or `incomplete` if sockets did not close in time.
    state          text        NOT NULL CHECK (state IN ('closing', 'closed', 'incomplete')),
    sockets_closed integer     NOT NULL DEFAULT 0 CHECK (sockets_closed >= 0),
    pending        integer     NOT NULL DEFAULT 0 CHECK (pending >= 0),
    -- From the request, or on other nodes from the time of the revocation, until the sockets were closed.
    after_ms       bigint      CHECK (after_ms >= 0),
    PRIMARY KEY (revocation_id, node)
);

-- Lists of revocations, newest first.
CREATE INDEX revocations_by_cause ON revocations (cause, created_at DESC, id DESC);
CREATE INDEX revocations_by_actor ON revocations (actor_id, created_at DESC, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX revocations_by_user ON revocations (user_id, created_at DESC, id DESC) WHERE user_id IS NOT NULL;
-- The revocations that ended sessions of a user.
CREATE INDEX sessions_revoked_of_user ON sessions (user_id, revocation_id) WHERE revocation_id IS NOT NULL;

-- Attempts to sign in, newest first.
CREATE INDEX device_login_attempts_outcome ON device_login_attempts (outcome, at DESC, id);
CREATE INDEX device_login_attempts_country ON device_login_attempts (country, at DESC, id) WHERE country IS NOT NULL;

-- Lists of bans and of API keys, newest first.
CREATE INDEX bans_by_start ON bans (created_at DESC, key);
CREATE INDEX api_keys_by_start ON api_keys (created_at DESC, id);

-- Figures over time: a row for each node, series, label and minute. A job adds them up to hours, and deletes old rows.
CREATE TABLE statistics (
    -- 60 for a minute, 3600 for an hour.
    step    integer     NOT NULL CHECK (step IN (60, 3600)),
    series  text        NOT NULL CHECK (octet_length(series) BETWEEN 1 AND 50),
    -- The beginning of the period.
    at      timestamptz NOT NULL,
    -- The nil UUID for figures that are not those of a node.
    node    uuid        NOT NULL,
    label   text        NOT NULL DEFAULT '' CHECK (octet_length(label) <= 100),
    -- A count, or the sum of the values of a gauge in the minutes of the period.
    value   bigint      NOT NULL CHECK (value >= 0),
    -- The number of minutes that are added up, and the largest value of a gauge in one of them.
    minutes integer     NOT NULL DEFAULT 1 CHECK (minutes > 0),
    highest bigint      NOT NULL CHECK (highest >= 0),
    -- For durations: how many lie in each bucket.
    buckets bigint[],
    PRIMARY KEY (step, series, at, node, label)
);
CREATE INDEX statistics_at ON statistics (step, at);

-- Revocations of a network, of the sign-ins since a moment, and of a list of users. Their sessions name the revocation, so a server
-- of the release before carries them out like any other.
-- This comes last: its lock keeps other servers from reading revocations, and so must not be held while indexes are built.
-- Readers queue behind a change that waits, for example for a running backup. So it waits only briefly; then nothing of this migration
-- is applied, and the next start tries again.
SET LOCAL lock_timeout = '5s';
ALTER TABLE revocations
    DROP CONSTRAINT revocations_scope_check,
    ADD CONSTRAINT revocations_scope_check
        CHECK (scope IN ('session', 'device', 'user', 'subject', 'all', 'network', 'opened_since', 'users')),
    -- The network, if the scope is `network`.
    ADD COLUMN network      cidr,
    -- The moment, if the scope is `opened_since`.
    ADD COLUMN opened_since timestamptz,
    -- The number of users that were named, if the scope is `users`.
    ADD COLUMN users        integer CHECK (users > 0),
    -- Sessions that the target covers, and that the role of the actor may not end.
    ADD COLUMN excluded     integer NOT NULL DEFAULT 0 CHECK (excluded >= 0),
    -- The target covers more sessions than one revocation ends.
    ADD COLUMN more         boolean NOT NULL DEFAULT false,
    -- Nodes note how far they have carried the revocation out.
    ADD COLUMN reported     boolean NOT NULL DEFAULT false;

-- The transaction that last replaced publications of the channel: each node then reads the channel again. V21 has the index.
ALTER TABLE channels ADD COLUMN erased_in xid8;
