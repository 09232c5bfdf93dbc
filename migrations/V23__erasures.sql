-- Requests to erase a person. The row stays after the erasure, without personal data: it says that the account with this number is
-- gone, and when. Servers of the release before do not erase; a request waits until a server of this release runs.
CREATE TABLE erasures (
    -- The number of the account. No foreign key: the row outlives the account.
    user_id            bigint      PRIMARY KEY,
    -- When the account was created. A restored database may give the number to another account, which is created later.
    account_created_at timestamptz NOT NULL,
    state              text        NOT NULL CHECK (state IN ('pending', 'erasing', 'erased')),
    -- `restore`: the account came back with a backup, and is erased again.
    requested_by       text        NOT NULL CHECK (requested_by IN ('user', 'operator', 'command_line', 'restore')),
    actor_id           bigint,
    -- In the words of the requester; empty after the erasure.
    reason             text        NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 2000),
    -- The status that the account gets back if the request is cancelled.
    status_before      text        NOT NULL CHECK (status_before IN ('pending', 'active', 'suspended', 'deactivated')),
    requested_at       timestamptz NOT NULL,
    due_at             timestamptz NOT NULL,
    begun_at           timestamptz,
    erased_at          timestamptz,
    -- The last search for rows that were written late, such as audit events of a spill file. Null before the erasure, and when the
    -- searches have ended.
    swept_at           timestamptz,
    -- What the erasure needs to find and replace rows; null before and after it. The keyed hash of the account's name in attempts,
    -- the network addresses of its sessions and devices, and the name that replaces the person in messages.
    name_hash          text        CHECK (char_length(name_hash) = 32),
    addresses          inet[],
    pseudonym          text        CHECK (octet_length(pseudonym) <= 100),
    CHECK ((state = 'pending') = (begun_at IS NULL)),
    CHECK ((state = 'erased') = (erased_at IS NOT NULL)),
    CHECK (swept_at IS NULL OR state = 'erased')
);
CREATE INDEX erasures_due ON erasures (due_at) WHERE state = 'pending';
CREATE INDEX erasures_begun ON erasures (begun_at) WHERE state = 'erasing';
CREATE INDEX erasures_swept ON erasures (swept_at) WHERE swept_at IS NOT NULL;
CREATE INDEX erasures_by_request ON erasures (requested_at DESC, user_id DESC);
CREATE INDEX erasures_by_state ON erasures (state, requested_at DESC, user_id DESC);

-- By these indexes an export and an erasure find the rows of one person.
-- V18 and V19 have those of sessions, external sessions and revocations.
CREATE INDEX channel_messages_of_subject ON channel_messages (subject, channel, seq) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_of_actor ON audit_events (actor_id, seq) WHERE actor_id IS DISTINCT FROM user_id;
CREATE INDEX event_deliveries_of_subject ON event_deliveries (subject, seq);
CREATE INDEX event_deliveries_of_actor ON event_deliveries ((payload -> 'data' ->> 'actor'), seq)
    WHERE payload -> 'data' ->> 'actor' IS NOT NULL;
-- Answers to operators that created an account.
CREATE INDEX idempotency_keys_created_user ON idempotency_keys ((answer::jsonb -> 'user' ->> 'id'))
    WHERE answer::jsonb -> 'user' ->> 'id' IS NOT NULL;
-- Attempts for names that had no account, which an erased person may have made.
CREATE INDEX device_login_attempts_unknown_name ON device_login_attempts (identifier) WHERE user_id IS NULL;
CREATE INDEX device_login_attempts_unknown_address ON device_login_attempts (address) WHERE user_id IS NULL;

-- Bytes as text: as they are, or, if they are no text, in base64.
CREATE FUNCTION bytes_as_text(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN data_exception THEN
    RETURN 'base64:' || translate(encode(bytes, 'base64'), E'\n', '');
END
$$;
