-- Fills a database of Portcullis: users, devices and live sessions; ended sessions with their revocations; denials.
-- Called by scale.sh. Variables: users, sessions (of each user), denials, revocations.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
-- Without this setting, foreign keys and triggers would be checked row by row. The rows that are written here satisfy them.
SET session_replication_role = replica;

BEGIN;
-- To build an index at the end is faster than to fill it row by row.
CREATE TEMP TABLE indexes AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indrelid IN ('sessions'::regclass, 'revocations'::regclass, 'denials'::regclass) AND NOT indisunique;
SELECT format('DROP INDEX %s', name) FROM indexes \gexec

INSERT INTO users (email, account_key, password_hash, status, created_at)
SELECT format('scale-%s@scale.test', n), format('scale-%s@scale.test', n), '!', 'active', now() - interval '90 days'
FROM generate_series(1, :users) n;

CREATE TEMP TABLE filled AS
SELECT id AS user_id, gen_random_uuid() AS device_id, row_number() OVER () AS n FROM users WHERE email LIKE 'scale-%@scale.test';
ANALYZE filled;

INSERT INTO registered_devices (user_id, id, user_agent, address, created_at, last_seen_at)
SELECT user_id, device_id, 'Mozilla/5.0 (X11; Linux x86_64) scale', '198.51.100.7', now() - interval '90 days', now()
FROM filled;

SELECT newest_revocation_of_all() AS newest \gset
-- Live sessions: opened within the last day, and used within the last five minutes.
INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method, address,
                      user_agent, revoked_all)
SELECT gen_random_uuid(), user_id, device_id, now() - random() * interval '1 day', now() - random() * interval '5 minutes',
       now() + interval '20 days', now() + interval '7 days', 'password', '198.51.100.7',
       'Mozilla/5.0 (X11; Linux x86_64) scale', :newest
FROM filled, generate_series(1, :sessions);

-- Sessions that ended within the last day, each by a revocation of its own.
CREATE TEMP TABLE ends AS
SELECT gen_random_uuid() AS session_id, user_id, device_id, now() - random() * interval '1 day' AS at
FROM filled JOIN generate_series(0, :revocations - 1) e ON filled.n = e % :users + 1;

INSERT INTO revocations (scope, session_id, user_id, cause, reason, sessions, created_at)
SELECT 'session', session_id, user_id, 'session_expired', 'expired', 1, at FROM ends ORDER BY at;
ANALYZE ends;
ANALYZE revocations;

INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method, address,
                      user_agent, revoked_all, revoked_at, revocation_id)
SELECT e.session_id, e.user_id, e.device_id, e.at - interval '2 hours', e.at - interval '30 minutes',
       e.at + interval '20 days', e.at + interval '7 days', 'password', '198.51.100.7',
       'Mozilla/5.0 (X11; Linux x86_64) scale', :newest, e.at, r.id
FROM ends e JOIN revocations r USING (session_id);

-- Denials: two thirds concern single tokens, a sixth block users of another issuer, and a sixth refuse the older tokens of
-- users. Of a hundred blocks, one was lifted again.
INSERT INTO denials (kind, token_id, expires_at, reason, created_at)
SELECT 'token', gen_random_uuid(), now() + interval '1 hour' + random() * interval '29 days', 'scale',
       now() - random() * interval '1 day'
FROM generate_series(1, :denials - 2 * (:denials / 6));
INSERT INTO denials (kind, subject, reason, created_at, replaced_at)
SELECT 'user', 'scale-blocked-' || n, 'scale', now() - interval '10 days',
       CASE WHEN n % 100 = 0 THEN now() - interval '1 hour' END
FROM generate_series(1, :denials / 6) n;
INSERT INTO denials (kind, subject, lifted, reason, created_at, replaced_at)
SELECT 'user', 'scale-blocked-' || 100 * n, true, 'scale', now() - interval '1 hour', now() - interval '1 hour'
FROM generate_series(1, :denials / 600) n;
INSERT INTO denials (kind, subject, issued_before, expires_at, reason, created_at)
SELECT 'issued_before', 'scale-older-' || n, now() - interval '1 hour',
       now() + interval '1 hour' + random() * interval '29 days', 'scale', now() - interval '1 hour'
FROM generate_series(1, :denials / 6) n;

SELECT definition FROM indexes \gexec
COMMIT;

VACUUM ANALYZE users, registered_devices, sessions, revocations, denials;
CHECKPOINT;
