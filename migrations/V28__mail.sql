-- The outbox of mails, and the language in which a user reads them.

-- One row per mail, written in the transaction of what causes the mail. A mail may have one link. The secret of a link is not stored:
-- it is computed from the id of the row and a key that the database does not have.
CREATE TABLE mails (
    id              uuid        PRIMARY KEY,
    user_id         bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    kind            text        NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 50),
    -- The address of the recipient when the mail was written.
    address         text        NOT NULL CHECK (octet_length(address) BETWEEN 1 AND 254),
    language        text        CHECK (language ~ '^[a-z]{2}$'),
    -- What the mail says: a network address, a device, a place and the like.
    detail          jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
    created_at      timestamptz NOT NULL,
    -- What the link permits, and until when. It is void if the account has another address or password than it had.
    link            text        CHECK (link IN ('verify', 'reset', 'not_me')),
    link_expires_at timestamptz,
    link_used_at    timestamptz,
    bound_key       text,
    bound_password  bytea       CHECK (octet_length(bound_password) = 32),
    state           text        NOT NULL DEFAULT 'waiting'
                                CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'expired')),
    -- Attempts since the mail was written, or since an operator had it sent again.
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- How often an operator had it sent again. Each time it has another Message-ID.
    repetitions     integer     NOT NULL DEFAULT 0 CHECK (repetitions >= 0),
    -- Since when it waits, and the next attempt is not before `due_at`.
    waiting_from    timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    -- The attempt that is being made, and until when no other attempt begins.
    attempt_id      uuid,
    leased_until    timestamptz,
    -- The last failure, in words.
    failure         text        CHECK (octet_length(failure) <= 500),
    -- When it was sent, or was given up.
    settled_at      timestamptz,
    CHECK ((link IS NULL) = (link_expires_at IS NULL)),
    CHECK (link IS NULL OR (bound_key IS NOT NULL AND bound_password IS NOT NULL)),
    CHECK ((state = 'sending') = (attempt_id IS NOT NULL)),
    CHECK ((attempt_id IS NULL) = (leased_until IS NULL)),
    CHECK ((state IN ('waiting', 'sending')) = (settled_at IS NULL))
);
-- The next mails.
CREATE INDEX mails_due ON mails (due_at) WHERE state IN ('waiting', 'sending');
-- The oldest mail that waits.
CREATE INDEX mails_waiting ON mails (waiting_from) WHERE state IN ('waiting', 'sending');
-- Lists, newest first; and the mails of a user.
CREATE INDEX mails_newest ON mails (created_at DESC, id);
CREATE INDEX mails_by_state ON mails (state, created_at DESC, id);
CREATE INDEX mails_by_address ON mails (address, created_at DESC, id);
CREATE INDEX mails_by_user ON mails (user_id, id);
-- How many mails of a kind a user got in an hour.
CREATE INDEX mails_of_kind ON mails (user_id, kind, created_at);
-- Retention.
CREATE INDEX mails_settled ON mails (settled_at) WHERE settled_at IS NOT NULL;

-- Null: the default language. Servers of the release before leave it as it is.
-- This comes last: its lock keeps other servers from reading the table, and so must not be held while indexes are built. Readers queue
-- behind a change that waits, so it waits only briefly; then nothing of this migration is applied, and the next start tries again. No
-- row has a language yet, so the table is not read under this lock (NOT VALID).
SET LOCAL lock_timeout = '5s';
ALTER TABLE users
    ADD COLUMN language text,
    ADD CONSTRAINT users_language_check CHECK (language ~ '^[a-z]{2}$') NOT VALID;
