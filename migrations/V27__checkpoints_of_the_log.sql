-- The role of the server adds checkpoints, and moves the head of the audit log on. It could add checkpoints with false times and sizes, so
-- that true ones were thinned or not signed, and move the head to a later month without an entry.
--
-- Servers of the release before go on with both. Only a batch without a new entry at the turn of a month waits for the next event.

-- The functions find only objects of this schema and of PostgreSQL. The schema of temporary tables comes last.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Ends a batch, of which the entries are in the log: moves the head, and removes the events from the inbox. An event leaves the inbox
-- only if the log has an entry with its id, time, name, outcome and accounts. The month moves on only with an entry: without this, the
-- server could end a month early, and so make it old enough to be dropped.
CREATE OR REPLACE FUNCTION audit_log_advance(new_size bigint, new_frontier bytea, new_month date, moved uuid[]) RETURNS void
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
    IF new_month > head.month AND new_size = head.size THEN
        RAISE EXCEPTION 'a month begins with an entry';
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

-- Checks a new checkpoint: it is one of the present generation, not larger than the log and not smaller than the last one, and its
-- note is of its size. Its time is that of the database.
CREATE FUNCTION check_new_checkpoint() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    head audit_log_head;
BEGIN
    SELECT * INTO STRICT head FROM audit_log_head;
    IF NEW.generation <> head.generation OR NEW.size > head.size THEN
        RAISE EXCEPTION 'the audit log has no such checkpoint';
    END IF;
    IF EXISTS (SELECT FROM audit_checkpoints WHERE generation = head.generation AND size > NEW.size AND size <= head.size) THEN
        RAISE EXCEPTION 'there is a later checkpoint of the audit log';
    END IF;
    IF split_part(NEW.note, E'\n', 2) <> NEW.size::text THEN
        RAISE EXCEPTION 'the note of the checkpoint is of another size';
    END IF;
    NEW.at := clock_timestamp();
    RETURN NEW;
END
$$;

-- This comes last: its lock keeps others from adding checkpoints. It waits only briefly; then nothing of this migration is applied, and
-- the next run tries again.
SET LOCAL lock_timeout = '5s';
CREATE TRIGGER check_new_checkpoint BEFORE INSERT ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION check_new_checkpoint();
