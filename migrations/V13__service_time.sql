-- When a server was in service last, and the last time in which none was. In that time no use of a session could be recorded, so no
-- session became idle.
CREATE TABLE service_time (
    one          boolean     PRIMARY KEY DEFAULT true CHECK (one),
    -- The last moment at which a server was in service. Null before the first.
    seen_at      timestamptz,
    outage_from  timestamptz,
    outage_until timestamptz,
    -- The transaction that wrote the row. In a restored dump the row is of another transaction: what came after the dump is
    -- lost, so the time since then is no outage.
    written_by   xid8,
    CHECK (outage_from < outage_until)
);
INSERT INTO service_time (seen_at) SELECT max(last_seen_at) FROM sessions;
