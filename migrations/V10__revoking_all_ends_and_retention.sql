-- Revoking all sessions writes one row: each session that was opened before it has ended, whether or not its own row says so
-- yet. A job ends the rows later, in batches.

-- The newest revocation of all sessions when the session was opened. Rows that are there already count as opened after the
-- revocations until now, which have ended their sessions' rows themselves.
DO $$
DECLARE newest bigint := (SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all');
BEGIN
    EXECUTE format('ALTER TABLE sessions ADD COLUMN revoked_all bigint NOT NULL DEFAULT %s', newest);
    EXECUTE format('ALTER TABLE external_sessions ADD COLUMN revoked_all bigint NOT NULL DEFAULT %s', newest);
END $$;
-- A server of the release before does not write the column. A session that it opens is opened after the newest one, too.
CREATE FUNCTION newest_revocation_of_all() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all'
$$;
ALTER TABLE sessions ALTER COLUMN revoked_all SET DEFAULT newest_revocation_of_all();
ALTER TABLE external_sessions ALTER COLUMN revoked_all SET DEFAULT newest_revocation_of_all();
CREATE INDEX sessions_not_ended ON sessions (revoked_all) WHERE revoked_at IS NULL;
CREATE INDEX external_sessions_not_ended ON external_sessions (revoked_all) WHERE ended_at IS NULL AND revoked_at IS NULL;

-- The feed is read in pages, in the order of transactions.
DROP INDEX revocations_txid;
CREATE INDEX revocations_txid ON revocations (txid, id);
DROP INDEX denials_txid;
CREATE INDEX denials_txid ON denials (txid, id);
-- A node that starts over asks which users of its sockets have another role.
CREATE INDEX revocations_role_changed ON revocations (user_id, id) WHERE cause = 'role_changed';

-- A denied token needs no denial once it has expired. Denials of tokens that were written without an end get one: the longest
-- life that a token of an outside issuer has unless the settings say otherwise.
UPDATE denials SET expires_at = now() + interval '30 days' WHERE kind <> 'user' AND expires_at IS NULL;
ALTER TABLE denials ADD CONSTRAINT denials_of_tokens_end CHECK (kind = 'user' OR expires_at IS NOT NULL);
CREATE INDEX denials_expires_at ON denials (expires_at);

-- What retention looks for: rows by their age.
CREATE INDEX sessions_ended ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX revocations_created_at ON revocations (created_at);
CREATE INDEX registered_devices_last_seen ON registered_devices (last_seen_at);
CREATE INDEX registered_devices_of_user ON registered_devices (user_id, last_seen_at);
