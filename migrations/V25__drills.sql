-- Drills: a node opens its doors with a session of the canary account, revokes the session, and measures when each door is shut.

-- A request of the command line: every node that runs answers it with a drill of its own.
CREATE TABLE drill_requests (
    id           uuid        PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX drill_requests_at ON drill_requests (requested_at);

CREATE TABLE drills (
    id          uuid        PRIMARY KEY,
    -- The node whose doors are drilled.
    node        uuid        NOT NULL,
    request_id  uuid        REFERENCES drill_requests ON DELETE SET NULL,
    started_by  text        NOT NULL CHECK (started_by IN ('schedule', 'operator', 'command_line')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    outcome     text        CHECK (outcome IN ('passed', 'late', 'open', 'failed')),
    -- The doors and their times.
    report      jsonb       CHECK (jsonb_typeof(report) = 'object'),
    -- A session that another node is asked to revoke, and the node that does so.
    session_id  uuid,
    offered_at  timestamptz,
    claimed_by  uuid,
    -- By the clock of the database, before the revocation is requested.
    claimed_at  timestamptz,
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((session_id IS NULL) = (offered_at IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL))
);
CREATE INDEX drills_started ON drills (started_at);
CREATE INDEX drills_offered ON drills (offered_at) WHERE offered_at IS NOT NULL AND claimed_by IS NULL;
CREATE UNIQUE INDEX drills_of_request ON drills (request_id, node) WHERE request_id IS NOT NULL;

-- There is one canary account in a database.
CREATE UNIQUE INDEX users_canary ON users (role) WHERE role = 'canary';
-- Rows of drills are kept for an hour only. By these indexes their retention finds them.
CREATE INDEX sessions_of_drills ON sessions (revoked_at) WHERE method = 'drill';
CREATE INDEX revocations_of_drills ON revocations (created_at) WHERE cause = 'drill';

-- Servers of the release before know neither the role nor the method nor the cause. They refuse the credentials of the canary, and
-- carry its revocation out like one of an unknown cause: their feed fails until the row is gone. So turn drills on when all servers
-- run this release.
-- This comes last: its locks keep other servers from reading these tables, and so must not be held while indexes are built.
-- Readers queue behind a change that waits, for example for a running backup. So it waits only briefly; then nothing of this
-- migration is applied, and the next start tries again. The new conditions permit more than the dropped ones, so each row fulfils
-- them, and no table is read under these locks (NOT VALID).
SET LOCAL lock_timeout = '5s';
ALTER TABLE users
    DROP CONSTRAINT users_role_check,
    ADD CONSTRAINT users_role_check CHECK (role IN ('user', 'auditor', 'operator', 'admin', 'canary')) NOT VALID;
ALTER TABLE sessions
    DROP CONSTRAINT sessions_method_check,
    ADD CONSTRAINT sessions_method_check CHECK (method IN ('password', 'second_factor', 'passkey', 'drill')) NOT VALID;
ALTER TABLE revocations
    DROP CONSTRAINT revocations_cause_check,
    ADD CONSTRAINT revocations_cause_check
        CHECK (cause IN ('revoked', 'signed_out', 'password_changed', 'account_disabled', 'refresh_reused',
                         'device_removed', 'role_changed', 'session_expired', 'session_limit', 'factor_changed',
                         'credential_cloned', 'drill')) NOT VALID;
