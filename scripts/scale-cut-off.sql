-- Ends sessions while the server is cut off from the database: all sessions of the first users of the load test, and many
-- sessions of other users. Each session is ended by a revocation of its own; a transaction has a thousand revocations. Called
-- by scale.sh. Variables: ended (the number of the first users), revocations (the number of sessions of other users).
\set ON_ERROR_STOP on
SET synchronous_commit = off;

CREATE TEMP TABLE ends AS
SELECT row_number() OVER () - 1 AS n, id AS session_id, user_id FROM (
    (SELECT s.id, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.revoked_at IS NULL AND u.email IN (SELECT format('load-%s@load.test', n) FROM generate_series(0, :ended - 1) n))
    UNION ALL
    (SELECT s.id, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.revoked_at IS NULL AND u.email LIKE 'scale-%@scale.test' LIMIT :revocations)
) s;
CREATE INDEX ON ends (n);
ANALYZE ends;

DO $$
BEGIN
    FOR batch IN 0..(SELECT max(n) / 1000 FROM ends) LOOP
        WITH part AS (
            SELECT session_id, user_id FROM ends WHERE n BETWEEN batch * 1000 AND batch * 1000 + 999
        ), revoked AS (
            INSERT INTO revocations (scope, session_id, user_id, cause, reason, sessions)
            SELECT 'session', session_id, user_id, 'revoked', 'scale', 1 FROM part
            RETURNING id, session_id, created_at
        )
        UPDATE sessions s SET revoked_at = r.created_at, revocation_id = r.id FROM revoked r WHERE s.id = r.session_id;
        COMMIT;
    END LOOP;
END
$$;
