-- The role of the server adds to the audit log and reads it, and cannot change it. The tables belong to another role, the owner, which
-- `portcullis migrate` uses. What the log needs beyond that are functions with the rights of the owner, which check their conditions.
-- Servers of the release before are the owner, and do not use these functions.

-- The functions find only objects of this schema and of PostgreSQL. The schema of temporary tables, which every role may fill, comes
-- last; otherwise it would come first.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Locks the head until the end of the transaction. No row if another transaction holds it and this one does not wait.
CREATE FUNCTION audit_log_lock(waits boolean) RETURNS SETOF audit_log_head
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF waits THEN
        RETURN QUERY SELECT * FROM audit_log_head FOR UPDATE;
    ELSE
        RETURN QUERY SELECT * FROM audit_log_head FOR UPDATE SKIP LOCKED;
    END IF;
END
$$;

-- Ends a batch, of which the entries are in the log: moves the head, and removes the events from the inbox. An event leaves the inbox
-- only if the log has an entry with its id, time, name, outcome and accounts.
CREATE FUNCTION audit_log_advance(new_size bigint, new_frontier bytea, new_month date, moved uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    head audit_log_head;
    this date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    counted bigint;
BEGIN
    SELECT * INTO STRICT head FROM audit_log_head FOR UPDATE;
    IF new_size IS NULL OR new_size < head.size THEN
        RAISE EXCEPTION 'the audit log does not shrink';
    END IF;
    IF octet_length(new_frontier) IS DISTINCT FROM 32 * bit_count(new_size::bit(64))::integer
       OR (new_size = head.size AND new_frontier <> head.frontier) THEN
        RAISE EXCEPTION 'the hashes do not fit the size of the audit log';
    END IF;
    IF new_month IS NULL OR new_month <> date_trunc('month', new_month)::date OR new_month < head.month
       OR (new_month > head.month + interval '1 month' AND new_month > this + interval '1 month') THEN
        RAISE EXCEPTION 'the audit log does not go on in this month';
    END IF;
    IF new_month > head.month AND head.size > 0 AND NOT EXISTS (
        SELECT FROM audit_checkpoints WHERE generation = head.generation AND size = head.size) THEN
        RAISE EXCEPTION 'a month begins when a checkpoint covers all entries before it';
    END IF;
    SELECT count(*) INTO counted FROM audit_log
        WHERE month = new_month AND leaf_index >= head.size AND leaf_index < new_size;
    IF counted <> new_size - head.size THEN
        RAISE EXCEPTION 'entries of the audit log are missing';
    END IF;
    DELETE FROM audit_events e WHERE e.id = ANY (moved) AND EXISTS (
        SELECT FROM audit_log l
        WHERE l.id = e.id AND l.at = e.at AND l.event = e.event AND l.outcome = e.outcome
          AND l.actor_id IS NOT DISTINCT FROM e.actor_id AND l.user_id IS NOT DISTINCT FROM e.user_id);
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted IS DISTINCT FROM cardinality(moved) THEN
        RAISE EXCEPTION 'an event that is not in the audit log stays in the inbox';
    END IF;
    UPDATE audit_log_head SET size = new_size, frontier = new_frontier, month = new_month;
END
$$;

-- Makes the partition of a month, unless it exists. The table is made alone and then attached, because this lock lets others read and
-- write the log. The rights on the partition are those to read the log, whatever default rights the schema has.
CREATE FUNCTION audit_log_make_month(new_month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    newest date := greatest((SELECT month FROM audit_log_head), date_trunc('month', now() AT TIME ZONE 'UTC')::date);
    partition text := 'audit_log_' || to_char(new_month, 'YYYY_MM');
    grantee text;
BEGIN
    IF new_month IS NULL OR new_month <> date_trunc('month', new_month)::date
       OR new_month < (SELECT month FROM audit_log_head) OR new_month > newest + interval '2 months' THEN
        RAISE EXCEPTION 'the audit log has no such month';
    END IF;
    IF to_regclass(format('%I.%I', current_schema(), partition)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_log INCLUDING ALL)', partition);
    EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   partition, new_month, (new_month + interval '1 month')::date);
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = to_regclass(format('%I.%I', current_schema(), partition)) AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %I FROM %s', partition, grantee);
    END LOOP;
    FOR grantee IN
        SELECT DISTINCT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = to_regclass(format('%I.%I', current_schema(), 'audit_log'))
          AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE %I TO %s', partition, grantee);
    END LOOP;
END
$$;

-- Drops the oldest month, if it ended before `before` and the noted time has passed since its end. `false` if it is kept. The frontier has
-- the hashes of the complete subtrees over all entries until the end of the month.
CREATE FUNCTION audit_log_drop_month(old_month date, until bigint, left_frontier bytea, before timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    head audit_log_head;
    ended timestamptz := (old_month + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
    SELECT * INTO STRICT head FROM audit_log_head FOR UPDATE;
    IF old_month IS DISTINCT FROM
           (SELECT month FROM audit_log WHERE leaf_index >= head.first_index ORDER BY leaf_index LIMIT 1)
       OR until IS DISTINCT FROM (SELECT max(leaf_index) + 1 FROM audit_log WHERE month = old_month) THEN
        RAISE EXCEPTION 'this is not the oldest month of the audit log';
    END IF;
    -- The role of the server could have inserted an entry into the old month that does not belong there.
    IF until > head.size OR EXISTS (SELECT FROM audit_log WHERE month > old_month AND leaf_index < until) THEN
        RAISE EXCEPTION 'later months have entries before the end of this one';
    END IF;
    IF old_month >= head.month THEN
        RAISE EXCEPTION 'the newest month of the audit log is kept';
    END IF;
    IF octet_length(left_frontier) IS DISTINCT FROM 32 * bit_count(until::bit(64))::integer THEN
        RAISE EXCEPTION 'the hashes do not fit the number of dropped entries';
    END IF;
    IF NOT EXISTS (SELECT FROM audit_checkpoints
                   WHERE generation = head.generation AND size >= until AND size <= head.size) THEN
        RAISE EXCEPTION 'no checkpoint covers this month of the audit log';
    END IF;
    IF before IS NULL OR ended > before OR ended > now() - make_interval(days => head.kept_days) THEN
        RETURN false;
    END IF;
    UPDATE audit_log_head SET first_index = until, dropped_frontier = left_frontier;
    DELETE FROM audit_personal_keys k USING audit_log l
        WHERE l.month = old_month AND k.person IS NULL AND k.id IN (l.address_key, l.facts_key);
    DELETE FROM audit_checkpoints WHERE size < until AND (generation, size) <>
        (SELECT generation, size FROM audit_checkpoints WHERE size <= until AND generation <= head.generation
         ORDER BY generation DESC, size DESC LIMIT 1);
    EXECUTE format('DROP TABLE %I.%I', current_schema(), 'audit_log_' || to_char(old_month, 'YYYY_MM'));
    RETURN true;
END
$$;

-- Deletes checkpoints that are older than two days and older than `before`, except for the last one of each hour.
CREATE FUNCTION audit_log_thin_checkpoints(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    latest timestamptz := least(before, now() - interval '2 days');
    deleted bigint;
BEGIN
    DELETE FROM audit_checkpoints c WHERE c.at < latest AND EXISTS (
        SELECT FROM audit_checkpoints o WHERE o.generation = c.generation AND o.size > c.size
            AND o.size <= (SELECT size FROM audit_log_head)
            AND o.at < latest AND date_trunc('hour', o.at, 'UTC') = date_trunc('hour', c.at, 'UTC'));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Refuses an account that is not being erased.
CREATE FUNCTION require_erasure(person bigint) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM erasures WHERE user_id = person AND state IN ('erasing', 'erased')) THEN
        RAISE EXCEPTION 'the account is not being erased';
    END IF;
END
$$;

-- Destroys the key that seals the personal fields of an account that is being erased. `false` if it has none.
CREATE FUNCTION audit_log_destroy_key(erased bigint, destroyed timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- Under this lock, no batch makes a key for the person meanwhile.
    PERFORM FROM audit_log_head FOR UPDATE;
    PERFORM require_erasure(erased);
    UPDATE audit_personal_keys SET wrapped = NULL, destroyed_at = coalesce(destroyed, now())
        WHERE person = 'user:' || erased AND wrapped IS NOT NULL;
    RETURN FOUND;
END
$$;

-- Empties the personal columns of the events in the inbox about an account that is being erased. The members `kept` of the detail stay.
-- The address and the device of an event are those of its actor, so those of an operator stay.
CREATE FUNCTION audit_inbox_empty_about(erased bigint, kept text[], most bigint, past bigint,
                                        OUT changed bigint, OUT last bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM require_erasure(erased);
    WITH chosen AS (
        SELECT e.seq FROM audit_events e
        WHERE e.user_id = erased AND e.seq > past
          AND (e.subject IS NOT NULL OR e.connection_id IS NOT NULL
               OR NOT kept @> (SELECT coalesce(array_agg(k), '{}') FROM jsonb_object_keys(e.detail) k)
               OR (coalesce(e.actor_id, e.user_id) = e.user_id AND (e.address IS NOT NULL OR e.device_id IS NOT NULL)))
        ORDER BY e.seq LIMIT most
    ), emptied AS (
        UPDATE audit_events e
        SET subject = NULL, connection_id = NULL,
            detail = (SELECT coalesce(jsonb_object_agg(d.key, d.value), '{}') FROM jsonb_each(e.detail) d WHERE d.key = ANY (kept)),
            address = CASE WHEN coalesce(e.actor_id, e.user_id) = e.user_id THEN NULL ELSE e.address END,
            device_id = CASE WHEN coalesce(e.actor_id, e.user_id) = e.user_id THEN NULL ELSE e.device_id END
        FROM chosen WHERE e.seq = chosen.seq
    )
    SELECT count(*), coalesce(max(seq), past) INTO changed, last FROM chosen;
END
$$;

-- Empties the address, the device and the certificate of an account that is being erased in the events in the inbox about others.
CREATE FUNCTION audit_inbox_empty_by(erased bigint, most bigint, past bigint, OUT changed bigint, OUT last bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM require_erasure(erased);
    WITH chosen AS (
        SELECT e.seq FROM audit_events e
        WHERE e.actor_id = erased AND e.actor_id IS DISTINCT FROM e.user_id AND e.seq > past
          AND (e.address IS NOT NULL OR e.device_id IS NOT NULL OR e.detail ? 'client_certificate')
        ORDER BY e.seq LIMIT most
    ), emptied AS (
        UPDATE audit_events e SET address = NULL, device_id = NULL, detail = e.detail - 'client_certificate'
        FROM chosen WHERE e.seq = chosen.seq
    )
    SELECT count(*), coalesce(max(seq), past) INTO changed, last FROM chosen;
END
$$;

-- Replaces a sealed key of the log by the same key, sealed anew. `false` if the stored key is not `old` any more.
CREATE FUNCTION audit_keys_reseal(of_purpose text, old bytea, new bytea, new_key_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE audit_keys SET sealed = new, key_id = new_key_id WHERE purpose = of_purpose AND sealed = old;
    RETURN FOUND;
END
$$;

-- Makes the partition of a month of sign-in attempts, unless it exists, and moves the attempts of that month out of the default
-- partition. An INSERT of an attempt locks the parent table first and a partition second; the statements keep that order.
CREATE FUNCTION attempts_make_month(new_month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'device_login_attempts_' || to_char(new_month, 'YYYY_MM');
    begins timestamptz := new_month::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (new_month + interval '1 month')::timestamp AT TIME ZONE 'UTC';
    grantee text;
BEGIN
    IF new_month IS NULL OR new_month <> date_trunc('month', new_month)::date THEN
        RAISE EXCEPTION 'a month begins on its first day';
    END IF;
    IF to_regclass(format('%I.%I', current_schema(), partition)) IS NOT NULL THEN
        RETURN;
    END IF;
    LOCK TABLE device_login_attempts IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE device_login_attempts_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE device_login_attempts INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
    EXECUTE format('WITH moved AS (DELETE FROM device_login_attempts_default WHERE at >= %L AND at < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', begins, ends, partition);
    EXECUTE format('ALTER TABLE device_login_attempts ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   partition, begins, ends);
    FOR grantee IN
        SELECT DISTINCT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = to_regclass(format('%I.%I', current_schema(), 'device_login_attempts'))
          AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE %I TO %s', partition, grantee);
    END LOOP;
END
$$;

-- Drops the partition of a month of sign-in attempts.
CREATE FUNCTION attempts_drop_month(old_month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('DROP TABLE %I.%I', current_schema(), 'device_login_attempts_' || to_char(old_month, 'YYYY_MM'));
END
$$;

-- `portcullis migrate` gives the role of the server the right to call them.
REVOKE EXECUTE ON FUNCTION
    audit_log_lock(boolean), audit_log_advance(bigint, bytea, date, uuid[]), audit_log_make_month(date),
    audit_log_drop_month(date, bigint, bytea, timestamptz), audit_log_thin_checkpoints(timestamptz),
    audit_log_destroy_key(bigint, timestamptz), audit_inbox_empty_about(bigint, text[], bigint, bigint),
    audit_inbox_empty_by(bigint, bigint, bigint), audit_keys_reseal(text, bytea, bytea, text),
    attempts_make_month(date), attempts_drop_month(date)
FROM PUBLIC;

-- How long `migrate` has noted that entries are kept. The server may keep them longer, but not shorter.
-- This comes last: its lock keeps others from reading the head. It waits only briefly; then nothing of this migration is applied, and
-- the next run tries again.
SET LOCAL lock_timeout = '5s';
ALTER TABLE audit_log_head ADD COLUMN kept_days integer NOT NULL DEFAULT 365;
