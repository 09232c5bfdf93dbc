-- The floor of durable channels doubled with each generation of forgotten channels. It is now raised in steps of 2^16. Where it
-- has grown, offsets begin again under a new epoch: subscribers at old positions are told so, and read the history anew.
DO $$
DECLARE grown CONSTANT bigint := 4294967296;
BEGIN
    IF NOT EXISTS (SELECT FROM channel_epoch WHERE floor >= grown)
       AND NOT EXISTS (SELECT FROM channels WHERE top >= grown) THEN
        RETURN;
    END IF;
    UPDATE channel_epoch SET floor = 0, epoch =
        (SELECT string_agg(chr(97 + get_byte(uuid_send(gen_random_uuid()), 0) % 26), '') FROM generate_series(1, 8));
    -- What such a channel still keeps is numbered from 1. It is far less than what the offsets move by, so no old offset of a
    -- channel is one of its new offsets.
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT c.name, coalesce((SELECT min(m.seq) - 1 FROM channel_messages m WHERE m.channel = c.name), c.top) AS by
        FROM channels c WHERE c.top >= grown;
    DELETE FROM channel_idempotency i USING moved WHERE i.channel = moved.name AND i.seq <= moved.by;
    UPDATE channel_idempotency i SET seq = i.seq - moved.by FROM moved WHERE i.channel = moved.name;
    UPDATE channel_messages m SET seq = m.seq - moved.by FROM moved WHERE m.channel = moved.name;
    UPDATE channels c SET top = c.top - moved.by, gone = greatest(c.gone - moved.by, 0)
    FROM moved WHERE c.name = moved.name;
END $$;
