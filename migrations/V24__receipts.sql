-- Receipts of revocations, and the leases of the nodes that a receipt waits for.

-- The running servers. A node renews its lease each second, after it has read and carried out the revocations. A node that cannot
-- renew it has stopped to accept requests and frames long before the lease lapses.
CREATE TABLE nodes (
    id          uuid        PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until timestamptz NOT NULL,
    -- What the node saw when it began to follow revocations: it has never accepted what was revoked before. Null until then.
    began       pg_snapshot,
    -- Revocations up to this id were written in another cluster, before the database was restored here.
    began_after bigint      NOT NULL DEFAULT 0,
    -- What the node had read when it last renewed the lease.
    looked      pg_snapshot
);

-- The receipts of complete revocations. A batch of receipts has one event in the audit log, which has the root of the tree over
-- their hashes.
CREATE TABLE revocation_receipts (
    revocation_id bigint      PRIMARY KEY REFERENCES revocations ON DELETE CASCADE,
    -- The canonical form of the receipt: the log commits to its bytes.
    document      text        NOT NULL,
    -- The receipt has a salted hash of the reason. The reason itself is only in the revocation, where an erasure empties it.
    reason_salt   uuid        NOT NULL,
    event_id      uuid        NOT NULL,
    batch_index   integer     NOT NULL CHECK (batch_index >= 0),
    batch_size    integer     NOT NULL CHECK (batch_size > batch_index),
    -- The hashes of the proof, one after the other.
    batch_proof   bytea       NOT NULL CHECK (octet_length(batch_proof) % 32 = 0),
    created_at    timestamptz NOT NULL
);

-- Revocations that have no receipt yet. Revocations of servers of the release before get none.
CREATE TABLE receipts_due (
    revocation_id bigint      PRIMARY KEY REFERENCES revocations ON DELETE CASCADE,
    -- The time of the database, which leases are compared with.
    written_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The number of sessions that a revocation of all sessions ended. Null if there were too many, and for other revocations.
    counted       integer     CHECK (counted >= 0)
);
