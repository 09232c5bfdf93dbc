-- Receivers of events, and the events on their way to them. A node that does not know these tables writes no events; its changes
-- are in the audit log nevertheless.

CREATE TABLE event_receivers (
    id              uuid        PRIMARY KEY,
    -- A webhook, or a stream of Security Event Tokens that are pushed to the receiver or polled by it.
    kind            text        NOT NULL CHECK (kind IN ('webhook', 'push', 'poll')),
    name            text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- Where events are sent to. A receiver that polls has none.
    url             text        CHECK (octet_length(url) BETWEEN 1 AND 2000),
    -- The types of events, or groups of types, that the receiver wants.
    events          text[]      NOT NULL CHECK (cardinality(events) <= 100),
    status          text        NOT NULL CHECK (status IN ('enabled', 'paused', 'disabled')),
    status_reason   text        CHECK (octet_length(status_reason) <= 1000),
    -- The key of the server API that made the stream. No foreign key: the stream outlives the key, for an admin.
    api_key_id      uuid,
    -- Sealed with the data encryption key: the secret of a webhook's signatures, or the `Authorization` of a push.
    secret          bytea,
    secret_key_id   text,
    -- The secret before the last rotation, which signs until `previous_until`.
    previous_secret bytea,
    previous_key_id text,
    previous_until  timestamptz,
    -- Whether events that may be dropped are dropped, because too many events wait.
    backlog_full    boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK ((kind = 'poll') = (url IS NULL)),
    CHECK ((secret IS NULL) = (secret_key_id IS NULL)),
    CHECK ((previous_secret IS NULL) = (previous_key_id IS NULL)),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);
CREATE INDEX event_receivers_by_start ON event_receivers (created_at DESC, id);
CREATE INDEX event_receivers_secret_key ON event_receivers (secret_key_id) WHERE secret IS NOT NULL;

-- One row per event and receiver, written in the transaction of what causes the event.
CREATE TABLE event_deliveries (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver_id  uuid        NOT NULL REFERENCES event_receivers ON DELETE CASCADE,
    -- The same in every attempt. A receiver recognises an event that it has already by this id.
    event_id     uuid        NOT NULL,
    type         text        NOT NULL CHECK (octet_length(type) BETWEEN 1 AND 200),
    -- Events of one subject are delivered in the order of `seq`.
    subject      text        NOT NULL CHECK (octet_length(subject) <= 300),
    payload      jsonb       NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    occurred_at  timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    -- Attempts to deliver the event since it was written, or since it was replayed.
    attempts     integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- The next attempt is not before this time.
    due_at       timestamptz NOT NULL,
    -- Since when the event waits: since it was written, or since it was replayed.
    waiting_from timestamptz NOT NULL,
    -- The attempt that is being made, and until when no other attempt begins.
    attempt_id   uuid,
    leased_until timestamptz,
    -- The last failure, in words, and the status of the answer.
    failure      text        CHECK (octet_length(failure) <= 500),
    http_status  integer,
    -- When the event was delivered or became a dead letter.
    settled_at   timestamptz,
    UNIQUE (receiver_id, event_id),
    CHECK ((state = 'pending') = (settled_at IS NULL)),
    CHECK ((attempt_id IS NULL) = (leased_until IS NULL))
);
-- The first waiting event of each subject.
CREATE INDEX event_deliveries_waiting ON event_deliveries (receiver_id, subject, seq) WHERE state = 'pending';
-- The oldest waiting events of a receiver.
CREATE INDEX event_deliveries_oldest ON event_deliveries (receiver_id, waiting_from, seq) WHERE state = 'pending';
-- What a receiver that polls gets.
CREATE INDEX event_deliveries_to_poll ON event_deliveries (receiver_id, seq) WHERE state = 'pending';
-- Lists of a receiver, newest first, and its dead letters.
CREATE INDEX event_deliveries_by_receiver ON event_deliveries (receiver_id, seq DESC);
CREATE INDEX event_deliveries_by_state ON event_deliveries (receiver_id, state, seq DESC);
-- Retention.
CREATE INDEX event_deliveries_delivered ON event_deliveries (settled_at) WHERE state = 'delivered';
CREATE INDEX event_deliveries_dead ON event_deliveries (settled_at) WHERE state = 'dead';
