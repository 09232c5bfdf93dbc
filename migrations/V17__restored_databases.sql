-- Where this database was last in service. A database that was restored from a backup, or copied, is somewhere else: its backup
-- does not know what was revoked after it was made. A server refuses to start on such a database until the restore is finished
-- (`portcullis restore`).
CREATE TABLE database_origin (
    one              boolean     PRIMARY KEY DEFAULT true CHECK (one),
    -- When the first server took the database into service here. Null before.
    in_service_since timestamptz,
    -- The identifier of the cluster, the OID of the database, and the timeline of the cluster's log. Null if the cluster does not
    -- tell them.
    cluster          bigint,
    database         bigint,
    timeline         bigint,
    -- The transaction that wrote the row. In a restored dump, another transaction has written the row.
    written_by       xid8        NOT NULL DEFAULT pg_current_xact_id(),
    -- When the last restore was finished.
    restored_at      timestamptz
);
INSERT INTO database_origin DEFAULT VALUES;

-- After a restore, no token that was issued before it is accepted: the denials that came after the backup are lost.
ALTER TABLE denials
    DROP CONSTRAINT denials_kind_check,
    DROP CONSTRAINT denials_check1,
    DROP CONSTRAINT denials_check2,
    ADD CONSTRAINT denials_kind_check CHECK (kind IN ('user', 'token', 'issued_before', 'all_issued_before')),
    ADD CONSTRAINT denials_subject_fits CHECK ((kind IN ('user', 'issued_before')) = (subject IS NOT NULL)),
    ADD CONSTRAINT denials_moment_fits
        CHECK ((kind IN ('issued_before', 'all_issued_before')) = (issued_before IS NOT NULL));
CREATE INDEX denials_of_all ON denials (id) WHERE kind = 'all_issued_before';
