//! A person with 50,000 rows in all tables is exported and erased. Afterwards no table and no log line has the person's e-mail
//! address, name or network address.

use serde_json::Value;
use store::PERSONAL_TABLES;

use super::{HOUR, app, events, rows};
use crate::harness::{App, Ask, PASSWORD, Session, eventually, secret_watch};

const EMAIL: &str = "ada.lovelace.1815@engine.example";
const NAME: &str = "Augusta Ada Byron King";
const ADDRESS: &str = "198.51.100.77";

/// Rows of the person in each table, as servers write them, in bulk. `{id}` is the number of the account.
const SEED: &str = r#"
    UPDATE users SET display_name = '{name}' WHERE id = {id};
    INSERT INTO registered_devices (user_id, id, fingerprint, user_agent, address, label, country, city)
        SELECT {id}, gen_random_uuid(), repeat('a', 32), 'Browser of {name}', '{address}', 'Phone of {name}', 'GB', 'London'
        FROM generate_series(1, 2000);
    INSERT INTO revocations (scope, user_id, cause, reason)
        SELECT 'user', {id}, 'revoked', 'complaint of {email}' FROM generate_series(1, 2000);
    INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method, address,
                          user_agent, revoked_at)
        SELECT gen_random_uuid(), {id}, d.id, now(), now(), now() + '1 day', now() + '1 day', 'password', '{address}',
               'Browser of {name}', now()
        FROM registered_devices d, generate_series(1, 4) WHERE d.user_id = {id};
    WITH one AS (SELECT id FROM sessions WHERE user_id = {id} ORDER BY id LIMIT 1),
         ended AS (INSERT INTO revocations (scope, session_id, cause, reason)
                   SELECT 'session', id, 'revoked', 'lost phone of {name}' FROM one RETURNING id)
        UPDATE sessions SET revocation_id = ended.id FROM one, ended WHERE sessions.id = one.id;
    INSERT INTO ws_tickets (hash, session_id, scopes, expires_at, token_id)
        SELECT sha256(s.id::text::bytea), s.id, '{}', now() + '1 day', '{name}' FROM sessions s WHERE s.user_id = {id} LIMIT 100;
    INSERT INTO external_sessions (id, issuer, subject, connection_id, node, address, created_at, last_seen_at, ended_at)
        SELECT gen_random_uuid(), 'partner', '{id}', gen_random_uuid(), gen_random_uuid(), '{address}', now(), now(), now()
        FROM generate_series(1, 2000);
    INSERT INTO user_two_factor (user_id, secret, key_id, created_at) VALUES ({id}, 'sealed', 'key', now());
    INSERT INTO backup_codes (user_id, hash, created_at)
        SELECT {id}, sha256(n::text::bytea), now() FROM generate_series(1, 10) n;
    INSERT INTO passkey_credentials (id, user_id, credential_id, passkey, name, created_at)
        SELECT gen_random_uuid(), {id}, ('{name}' || n)::bytea, '{"owner": "{email}"}', 'Key of {name}', now()
        FROM generate_series(1, 20) n;
    INSERT INTO two_factor_challenges (id, kind, user_id, presession_id, state, created_at, expires_at)
        SELECT gen_random_uuid(), 'sign_in', {id}, gen_random_uuid(), '{"name": "{email}"}', now(), now() + '1 day'
        FROM generate_series(1, 500);
    INSERT INTO second_factor_failures (user_id, source, failures, last_at)
        SELECT {id}, gen_random_uuid(), 1, now() FROM generate_series(1, 500);
    INSERT INTO device_login_attempts (id, at, user_id, identifier, method, outcome, address, user_agent, city)
        SELECT gen_random_uuid(), now(), {id}, repeat('b', 32), 'password', 'success', '{address}', 'Browser of {name}', 'London'
        FROM generate_series(1, 10000);
    -- Attempts from before the account existed: with its name, and from its address with another name.
    INSERT INTO device_login_attempts (id, at, identifier, method, outcome, address, user_agent)
        SELECT gen_random_uuid(), now(), identifier, method, outcome, '198.51.100.99', 'Browser of {name}'
        FROM device_login_attempts, generate_series(1, 500) WHERE user_id IS NULL;
    INSERT INTO device_login_attempts (id, at, identifier, method, outcome, address, user_agent)
        SELECT gen_random_uuid(), now(), repeat('c', 32), 'password', 'unknown_account', '{address}', 'Browser of {name}'
        FROM generate_series(1, 500);
    INSERT INTO denials (kind, subject, reason, created_at)
        SELECT 'user', '{id}', 'complaint of {email}', now() FROM generate_series(1, 200);
    UPDATE denials SET lifted = true, expires_at = now();
    INSERT INTO audit_events (id, at, event, outcome, user_id, actor_id, address, subject, detail)
        SELECT gen_random_uuid(), now(), 'session.opened', 'success', {id}, {id}, '{address}', '{name}',
               '{"reason": "{email}", "cause": "revoked"}'
        FROM generate_series(1, 17000);
    INSERT INTO audit_events (id, at, event, outcome, user_id, actor_id, address, detail)
        SELECT gen_random_uuid(), now(), 'session.revoked', 'success', 0, {id}, '{address}', '{"client_certificate": "CN={name}"}'
        FROM generate_series(1, 1000);
    INSERT INTO idempotency_keys (user_id, key, request_hash, status, answer, created_at, expires_at)
        SELECT {id}, 'key ' || n, sha256('x'), 200, '{"email": "{email}"}', now(), now() + '1 day' FROM generate_series(1, 100) n;
    INSERT INTO mails (id, user_id, kind, address, detail, created_at, waiting_from, due_at, state, settled_at, failure)
        SELECT gen_random_uuid(), {id}, 'new_sign_in', '{email}', '{"address": "{address}", "user_agent": "Browser of {name}"}',
               now(), now(), now(), 'failed', now(), 'no mailbox {email}'
        FROM generate_series(1, 500);
    -- Events on their way to a receiver: about the person, and about another user, with the person as the actor.
    INSERT INTO event_receivers (id, kind, name, events, status, created_at, updated_at)
        VALUES ('00000000-0000-0000-0000-0000000000ee', 'poll', 'another system', '{security}', 'paused', now(), now());
    INSERT INTO event_deliveries (receiver_id, event_id, type, subject, payload, occurred_at, state, settled_at, due_at,
                                  waiting_from)
        SELECT '00000000-0000-0000-0000-0000000000ee', gen_random_uuid(), 'session.opened', who.subject,
               jsonb_build_object('form', 'webhook', 'data', jsonb_build_object(
                   'audit_id', 'an id', 'user', who.about, 'actor', {id}, 'address', '{address}', 'subject', who.name,
                   'detail', jsonb_build_object('cause', 'revoked', 'client_certificate', 'CN={name}') || who.detail)),
               now(), state, CASE WHEN state <> 'pending' THEN now() END, now() + '1 hour', now()
        FROM (VALUES ('user:{id}', {id}, '{name}', '{"reason": "{email}"}'::jsonb), ('subject:{id}', NULL, '{id}', '{}'),
                     ('user:0', 0, NULL, '{}')) AS who (subject, about, name, detail),
             unnest(ARRAY['pending', 'delivered', 'dead']) state, generate_series(1, 100);
    INSERT INTO event_deliveries (receiver_id, event_id, type, subject, payload, occurred_at, due_at, waiting_from)
        VALUES ('00000000-0000-0000-0000-0000000000ee', gen_random_uuid(), 'session-revoked', 'user:{id}',
                '{"form": "security_event", "about": {"user": {id}}, "transaction": null,
                  "claims": {"event_timestamp": 1, "reason_admin": {"en": "complaint of {email}"}}}', now(), now(), now());
    -- The answer to an operator that has created the account.
    INSERT INTO idempotency_keys (user_id, key, request_hash, status, answer, created_at, expires_at)
        VALUES (0, 'created', sha256('x'), 201, '{"user": {"id": {id}, "email": "{email}"}, "password": null}', now(),
                now() + '1 day');
    INSERT INTO channels (name, top, created_at, updated_at) VALUES ('club:lobby', 10000, now(), now());
    INSERT INTO channel_messages (channel, seq, data, subject, connection_id, conn_info, tags, created_at)
        SELECT 'club:lobby', n, convert_to('{"text": "I am {name}, {email}"}', 'UTF8'), '{id}', gen_random_uuid(),
               convert_to('{"name": "{name}"}', 'UTF8'), '{"from": "{name}"}', now()
        FROM generate_series(1, 10000) n;
"#;

/// The columns that can hold a text, each with an expression that shows it as text.
const TEXTS: &str = "
    SELECT c.table_name::text, CASE c.data_type WHEN 'bytea' THEN format('encode(%I, ''escape'')', c.column_name)
                                          ELSE format('%I::text', c.column_name) END
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
      AND c.data_type NOT IN ('bigint', 'integer', 'smallint', 'boolean', 'double precision', 'timestamp with time zone', 'uuid', 'xid8')";

/// The tables and columns that hold one of these texts.
async fn holders(app: &App, texts: &[&str]) -> Vec<String> {
    let client = app.rows().await;
    let mut found = Vec::new();
    for column in client.query(TEXTS, &[]).await.expect("columns") {
        let (table, text): (String, String) = (column.get(0), column.get(1));
        let sql = format!("SELECT count(*) FROM {table} WHERE {text} ILIKE ANY ($1)");
        let patterns: Vec<_> = texts.iter().map(|text| format!("%{text}%")).collect();
        let count: i64 = client.query_one(&sql, &[&patterns]).await.expect("a count").get(0);
        if count > 0 {
            found.push(format!("{table}: {text} ({count})"));
        }
    }
    found
}

/// A person with rows in all tables. The person's attempts began before the account existed.
async fn person_with_rows(app: &App) -> Session {
    let mut person = app.register().await;
    person.email = EMAIL.to_owned();
    person.try_password(PASSWORD).await.expect(401);
    let sql = "UPDATE users SET email = $1, account_key = $1 WHERE id = $2";
    app.rows().await.execute(sql, &[&EMAIL, &person.id.0]).await.expect("the account");
    // Before the rows, because an account with passkeys needs a second factor.
    let session = person.sign_in().await;
    let seed = SEED.replace("{id}", &person.id.to_string()).replace("{email}", EMAIL);
    let seed = seed.replace("{name}", NAME).replace("{address}", ADDRESS);
    app.rows().await.batch_execute(&seed).await.expect("rows");
    session
}

fn members(document: &Value) -> impl Iterator<Item = (&'static str, &'static str, &Vec<Value>)> {
    PERSONAL_TABLES.iter().filter_map(|table| {
        let member = table.member?;
        Some((table.name, member, document[member].as_array().unwrap_or_else(|| panic!("no {member}"))))
    })
}

/// Checks the document of the person's export.
async fn check_export(app: &App, session: &Session) {
    let answer = session.get("/api/v1/profile/export").await.expect(200);
    assert_eq!(answer.header("content-length"), None, "the document is streamed");
    let document: Value = answer.body;
    assert_eq!((&document["format"], &document["complete"]), (&Value::from(1), &Value::from(true)));
    let mut exported = 0;
    for (table, member, rows) in members(&document) {
        assert!(["erasure", "log"].contains(&member) || !rows.is_empty(), "no row of {table}");
        exported += rows.len();
    }
    assert!(exported > 50_000, "{exported} rows");
    assert_eq!(document["account"][0]["email"], EMAIL);
    assert_eq!(document["messages"].as_array().map(Vec::len), Some(10_000));
    assert!(!answer.text.contains("argon2") && !answer.text.contains("password_hash"), "no secret");
    eventually("the export is recorded", async || {
        events(app, "profile.exported", session.person.id.0).await == 1
    })
    .await;
}

/// Checks what remains after the erasure of the account with this number.
async fn check_remains(app: &App, id: i64) {
    assert_eq!(
        rows(app, "device_login_attempts", "address = '198.51.100.99'").await,
        0,
        "by the name's hash"
    );
    assert_eq!(
        rows(app, "device_login_attempts", "identifier = repeat('c', 32)").await,
        500,
        "the wave stays visible"
    );
    assert_eq!(rows(app, "channel_messages", "channel = 'club:lobby'").await, 10_000, "no offset is missing");
    assert_eq!(
        rows(app, "erasures", &format!("user_id = {id} AND state = 'erased' AND reason = ''")).await,
        1
    );
    assert_eq!(events(app, "erasure.requested", id).await, 1);
    assert_eq!(events(app, "erasure.carried_out", id).await, 1);
    assert!(
        rows(app, "audit_events", &format!("user_id = {id} AND detail ->> 'cause' = 'revoked'")).await
            > 16_900
    );
    let about =
        |state: &str| format!("type = 'session.opened' AND subject <> 'user:0' AND state = '{state}'");
    assert_eq!(rows(app, "event_deliveries", &about("pending")).await, 200, "no event that waits is lost");
    assert_eq!(rows(app, "event_deliveries", &about("delivered")).await, 0);
    assert_eq!(rows(app, "event_deliveries", &about("dead")).await, 0);
    let by = "subject = 'user:0' AND payload -> 'data' -> 'detail' ->> 'cause' = 'revoked'";
    assert_eq!(rows(app, "event_deliveries", by).await, 300, "what the person did to others stays");
    let whole = format!(
        "type = 'session-revoked' AND payload @> '{{\"about\": {{\"user\": {id}}}, \"claims\": {{\"event_timestamp\": 1}}}}'"
    );
    assert_eq!(rows(app, "event_deliveries", &whole).await, 1);
    assert_eq!(
        rows(app, "idempotency_keys", "key = 'created'").await,
        1,
        "a repetition creates no second account"
    );
}

#[tokio::test]
async fn a_person_with_50000_rows_is_exported_and_erased_from_every_table_and_is_in_no_log_line() {
    let app = app();
    let session = person_with_rows(&app).await;
    let id = session.person.id.0;
    secret_watch::note("e-mail address of an erased person", EMAIL);
    secret_watch::note("name of an erased person", NAME);

    check_export(&app, &session).await;
    let reason = serde_json::json!({"reason": format!("I was {EMAIL}")});
    session.request(reqwest::Method::DELETE, "/api/v1/profile").json(&reason).ask().await.expect(202);
    assert!(!holders(&app, &[EMAIL, NAME, ADDRESS]).await.is_empty(), "the search finds what is there");
    app.advance(HOUR);
    app.sweep().await;

    assert_eq!(holders(&app, &[EMAIL, NAME, ADDRESS]).await, Vec::<String>::new());
    assert_eq!(rows(&app, "users", &format!("id = {id}")).await, 0);
    check_remains(&app, id).await;
    let watch = secret_watch::watch();
    assert!(!watch.has_line_with(EMAIL) && !watch.has_line_with(NAME));
}

#[tokio::test]
async fn rows_that_are_written_after_the_erasure_are_found_within_an_hour() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let id = session.person.id.0;
    session.delete("/api/v1/profile").await.expect(202);
    app.advance(HOUR);
    app.sweep().await;
    let late = format!(
        "INSERT INTO audit_events (id, at, event, outcome, user_id, address, detail)
         VALUES (gen_random_uuid(), now(), 'socket.closed', 'success', {id}, '{ADDRESS}', '{{\"reason\": \"{NAME}\"}}')"
    );
    app.rows().await.batch_execute(&late).await.expect("a late event");
    app.advance(HOUR);
    app.sweep().await;
    assert_eq!(holders(&app, &[NAME, ADDRESS]).await, Vec::<String>::new());
}
