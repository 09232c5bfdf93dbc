-- What happened. Rows are inserted and read, never changed; they outlive whom they speak of, hence no foreign keys.

CREATE TABLE audit_events (
    id            uuid        PRIMARY KEY,
    seq           bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    at            timestamptz NOT NULL,
    event         text        NOT NULL CHECK (event <> ''),
    outcome       text        NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    actor_id      bigint,
    user_id       bigint,
    session_id    uuid,
    device_id     uuid,
    connection_id uuid,
    address       inet,
    request_id    text,
    detail        jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object')
);

CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_user ON audit_events (user_id, seq) WHERE user_id IS NOT NULL;
