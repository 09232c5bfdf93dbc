-- What admins and auditors need: lists of users and sessions, keys of requests, and the role of auditors.

-- Lists of users: by number, by address and by name. Each index begins with role and status, so that a list with these filters reads
-- no other rows; a list without a filter reads the beginnings of all of them, which are few.
CREATE INDEX users_list_by_id ON users (role, status, id);
CREATE INDEX users_list_by_email ON users (role, status, (coalesce(account_key, lower(email)) COLLATE "C"), id);
CREATE INDEX users_list_by_name ON users (role, status, (lower(coalesce(display_name, '')) COLLATE "C"), id);
-- Whether another admin is active.
CREATE INDEX users_active_admins ON users (id) WHERE role = 'admin' AND status = 'active';

-- Lists of sessions of one user or subject, ended ones included, and from one address. Newest first.
CREATE INDEX sessions_of_user_by_start ON sessions (user_id, created_at DESC, id);
CREATE INDEX sessions_by_address ON sessions (address, created_at DESC, id) WHERE address IS NOT NULL;
CREATE INDEX external_sessions_of_subject ON external_sessions (subject, created_at DESC, id);
CREATE INDEX external_sessions_by_address ON external_sessions (address, created_at DESC, id) WHERE address IS NOT NULL;

-- Requests that create something, by the key that the client chose (the header Idempotency-Key). A row is written before the request
-- is carried out, and gets its answer afterwards.
CREATE TABLE idempotency_keys (
    -- The acting user. No foreign key: rows live for a day.
    user_id      bigint      NOT NULL,
    key          text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of method, path and body.
    request_hash bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    -- Null while the request is carried out, and if its outcome is unknown.
    status       smallint    CHECK (status BETWEEN 200 AND 299),
    -- The answer, a JSON text, without secrets.
    answer       text        CHECK (octet_length(answer) <= 65536),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (user_id, key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (expires_at > created_at)
);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- The role of auditors. Servers of the release before do not know the word: on them, a user with this role cannot sign in or use a
-- token, and a list that has such a user fails. All other users are served as before. So give the role when all servers run
-- this release.
-- This comes last: its lock keeps other servers from reading users, and so must not be held while indexes are built.
-- Readers queue behind a change that waits, for example for a running backup. So it waits only briefly; then nothing of this migration
-- is applied, and the next start tries again.
SET LOCAL lock_timeout = '5s';
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('user', 'auditor', 'operator', 'admin'));
