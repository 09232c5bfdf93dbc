//! Streams of Security Event Tokens: their configuration, push, poll, verification, and which caller may see them.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{admin, verified};
use crate::harness::{API_KEY, App, Ask as _, EventSink, Mode, app_with_key, eventually};

const STREAMS: &str = "/api/v1/ssf/streams";
const PUSH: &str = "urn:ietf:rfc:8935";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// Makes a stream that is polled, for every type of event. Returns its id.
pub(super) async fn poll_stream(app: &App, key: &str) -> String {
    let body = json!({"delivery": {"method": "urn:ietf:rfc:8936"}});
    app.post(STREAMS).bearer_auth(key).json(&body).ask().await.expect(201).text_of("stream_id")
}

fn asked(app: &App, key: &str, method: Method, path: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(key)
}

async fn poll(app: &App, key: &str, stream: &str, body: &Value) -> Value {
    asked(app, key, Method::POST, &format!("/api/v1/ssf/poll/{stream}"))
        .json(body)
        .ask()
        .await
        .expect(200)
        .body
}

#[tokio::test]
async fn a_pushed_token_is_verified_with_the_published_key_set_also_while_access_tokens_use_hs256() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let sink = EventSink::start();
    let body = json!({
        "delivery": {"method": PUSH, "endpoint_url": sink.url(), "authorization_header": "Bearer what only we know"},
        "events_requested": [SESSION_REVOKED, "https://example.com/unknown"],
        "description": "the relying party",
    });
    let made = app.post(STREAMS).bearer_auth(&key).json(&body).ask().await.expect(201);
    assert_eq!(made.body["events_delivered"], json!([SESSION_REVOKED]));
    assert!(!made.text.contains("what only we know"));
    let session = app.register().await.sign_in().await;
    session.sign_out("local").await.expect(200);
    eventually("a token", async || !sink.accepted().is_empty()).await;
    let taken = sink.accepted().remove(0);
    assert_eq!(taken.header("content-type"), "application/secevent+jwt");
    assert_eq!(taken.header("authorization"), "Bearer what only we know");
    let configuration = app.get("/.well-known/ssf-configuration").ask().await.expect(200).body;
    assert_eq!(configuration["jwks_uri"], "https://localhost/.well-known/ssf-jwks.json");
    let keys = app.get("/.well-known/ssf-jwks.json").ask().await.expect(200).body;
    let claims = verified(&taken.body, &keys);
    assert_eq!((&claims["iss"], &claims["aud"]), (&configuration["issuer"], &made.body["aud"]));
    assert_eq!(claims["events"][SESSION_REVOKED]["initiating_entity"], "user");
    let user = json!({"format": "iss_sub", "iss": "localhost", "sub": session.person.id.to_string()});
    let named = json!({"format": "opaque", "id": session.id.to_string()});
    assert_eq!(claims["sub_id"], json!({"format": "complex", "user": user, "session": named}));
    assert!(claims["jti"].is_string() && claims["txn"].is_string() && claims.get("exp").is_none());
    let refused = app.get("/api/v1/profile").bearer_auth(&taken.body).ask().await;
    refused.expect(401);
}

#[tokio::test]
async fn a_push_that_fails_is_repeated_with_the_same_jti() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let sink = EventSink::start();
    sink.set(Mode::FailsHalfTheTime);
    let body = json!({"delivery": {"method": PUSH, "endpoint_url": sink.url()}});
    app.post(STREAMS).bearer_auth(&key).json(&body).ask().await.expect(201);
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    eventually("the token", async || !sink.accepted().is_empty()).await;
    let keys = app.get("/.well-known/ssf-jwks.json").ask().await.expect(200).body;
    let ids: Vec<_> =
        sink.requests().iter().map(|taken| verified(&taken.body, &keys)["jti"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_polled_token_comes_again_until_it_is_acknowledged_and_a_refused_one_is_a_dead_letter() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    for _ in 0..2 {
        app.register().await.sign_in().await.sign_out("local").await.expect(200);
    }
    let now = json!({"returnImmediately": true, "maxEvents": 1});
    let first = poll(&app, &key, &stream, &now).await;
    assert_eq!(first["moreAvailable"], true);
    let id = first["sets"].as_object().unwrap().keys().next().unwrap().clone();
    let again = poll(&app, &key, &stream, &now).await;
    assert!(again["sets"].get(&id).is_some());
    let mut acknowledge = now.clone();
    acknowledge["ack"] = json!([id]);
    let second = poll(&app, &key, &stream, &acknowledge).await;
    let other = second["sets"].as_object().unwrap().keys().next().unwrap().clone();
    assert_ne!(other, id);
    let mut refuse = json!({"returnImmediately": true});
    refuse["setErrs"] = json!({other: {"err": "invalid_request", "description": "no such user"}});
    let rest = poll(&app, &key, &stream, &refuse).await;
    assert_eq!(rest, json!({"sets": {}, "moreAvailable": false}));
    let states =
        "SELECT count(*) FROM event_deliveries WHERE state = 'dead' AND failure LIKE '%no such user'";
    assert_eq!(app.count(states).await, 1);
}

#[tokio::test]
async fn a_poll_waits_for_an_event() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let session = app.register().await.sign_in().await;
    let wait = json!({});
    let (polled, _) =
        tokio::join!(poll(&app, &key, &stream, &wait), async { session.sign_out("local").await.expect(200) });
    assert_eq!(polled["sets"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_verification_event_comes_over_the_stream_with_the_state() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let body = json!({"stream_id": stream, "state": "what the receiver sent"});
    asked(&app, &key, Method::POST, "/api/v1/ssf/verify").json(&body).ask().await.expect(204);
    let polled = poll(&app, &key, &stream, &json!({"returnImmediately": true})).await;
    let keys = app.get("/.well-known/ssf-jwks.json").ask().await.expect(200).body;
    let token = polled["sets"].as_object().unwrap().values().next().unwrap().as_str().unwrap();
    let claims = verified(token, &keys);
    assert_eq!(claims["sub_id"], json!({"format": "opaque", "id": stream}));
    assert_eq!(claims["events"][VERIFICATION], json!({"state": "what the receiver sent"}));
}

#[tokio::test]
async fn a_stream_is_read_changed_replaced_paused_and_deleted() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let at = format!("{STREAMS}?stream_id={stream}");
    let whole = asked(&app, &key, Method::GET, &at).ask().await.expect(200).body;
    let patch = json!({"stream_id": stream, "events_requested": [SESSION_REVOKED]});
    let changed = asked(&app, &key, Method::PATCH, STREAMS).json(&patch).ask().await.expect(200).body;
    assert_eq!(changed["events_requested"], json!([SESSION_REVOKED]));
    let replaced = asked(&app, &key, Method::PUT, STREAMS).json(&whole).ask().await.expect(200).body;
    assert_eq!(replaced, whole, "what was read can be written back");
    let list = asked(&app, &key, Method::GET, STREAMS).ask().await.expect(200).body;
    assert_eq!(list, json!([whole]));

    let status = format!("/api/v1/ssf/status?stream_id={stream}");
    let pause = json!({"stream_id": stream, "status": "paused", "reason": "maintenance"});
    let paused = asked(&app, &key, Method::POST, "/api/v1/ssf/status").json(&pause).ask().await.expect(200);
    assert_eq!(paused.body, asked(&app, &key, Method::GET, &status).ask().await.expect(200).body);
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    let now = json!({"returnImmediately": true});
    assert_eq!(poll(&app, &key, &stream, &now).await["sets"], json!({}));
    let enable = json!({"stream_id": stream, "status": "enabled"});
    asked(&app, &key, Method::POST, "/api/v1/ssf/status").json(&enable).ask().await.expect(200);
    assert_eq!(poll(&app, &key, &stream, &now).await["sets"].as_object().unwrap().len(), 1, "it was kept");

    asked(&app, &key, Method::DELETE, &at).ask().await.expect(204);
    asked(&app, &key, Method::GET, &at).ask().await.refused(404, "not_found");
}

#[tokio::test]
async fn a_key_sees_only_its_own_streams_and_needs_the_scope() {
    let app = app_with_key();
    let (key, other) = (app.api_key("one", &["events"]).await, app.api_key("two", &["events"]).await);
    let stream = poll_stream(&app, &key).await;
    let at = format!("{STREAMS}?stream_id={stream}");
    asked(&app, &other, Method::GET, &at).ask().await.refused(404, "not_found");
    asked(&app, &other, Method::DELETE, &at).ask().await.refused(404, "not_found");
    let now = json!({"returnImmediately": true});
    let path = format!("/api/v1/ssf/poll/{stream}");
    asked(&app, &other, Method::POST, &path).json(&now).ask().await.refused(404, "not_found");
    assert_eq!(asked(&app, &other, Method::GET, STREAMS).ask().await.expect(200).body, json!([]));
    let publisher = app.api_key("publisher", &["publish"]).await;
    asked(&app, &publisher, Method::GET, STREAMS).ask().await.refused(403, "insufficient_scope");
    app.get(STREAMS).ask().await.refused(401, "not_authenticated");
    let all = app.get(STREAMS).header("x-api-key", API_KEY).ask().await.expect(200).body;
    assert_eq!(all[0]["stream_id"], stream.as_str(), "the key in the settings sees all");
}

#[tokio::test]
async fn an_admin_manages_streams_and_a_user_does_not() {
    let app = App::start();
    let admin = admin(&app).await;
    let made = admin.post(STREAMS, &json!({})).await.expect(201);
    let id = made.text_of("stream_id");
    admin.get(&format!("{STREAMS}?stream_id={id}")).await.expect(200);
    let user = app.register().await.sign_in().await;
    user.post(STREAMS, &json!({})).await.refused(403, "operator_required");
    user.get(STREAMS).await.refused(403, "operator_required");
    let now = json!({"returnImmediately": true});
    admin.post(&format!("/api/v1/ssf/poll/{id}"), &now).await.refused(403, "api_key_required");
    let bad = json!({"delivery": {"method": PUSH, "endpoint_url": "ftp://example.com"}});
    admin.post(STREAMS, &bad).await.refused(422, "invalid_url");
    admin.post(STREAMS, &json!({"delivery": {"method": "other"}})).await.refused(422, "unsupported_delivery");
}

/// Makes a stream that is pushed to the sink.
async fn push_stream(app: &App, key: &str, sink: &EventSink) -> String {
    let body = json!({"delivery": {"method": PUSH, "endpoint_url": sink.url()}});
    app.post(STREAMS).bearer_auth(key).json(&body).ask().await.expect(201).text_of("stream_id")
}

#[tokio::test]
async fn the_streams_of_a_revoked_key_are_disabled_with_an_event_and_get_nothing_more() {
    let app = App::start();
    let (key, other) = (app.api_key("stolen", &["events"]).await, app.api_key("kept", &["events"]).await);
    let (sink, kept) = (EventSink::start(), EventSink::start());
    let stream = push_stream(&app, &key, &sink).await;
    push_stream(&app, &other, &kept).await;
    app.revoke_api_key("stolen").await.expect("the key");
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    eventually("the other stream gets the event", async || !kept.accepted().is_empty()).await;
    let rows = format!("SELECT count(*) FROM event_deliveries WHERE receiver_id = '{stream}'");
    assert_eq!(app.count(&rows).await, 0);
    assert!(sink.requests().is_empty());
    let disabled =
        "SELECT count(*) FROM event_receivers WHERE status = 'disabled' AND status_reason LIKE '%revoked%'";
    assert_eq!(app.count(disabled).await, 1);
    let audited = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'event_receiver.changed' AND detail ->> 'receiver' = '{stream}'
                AND detail ->> 'status' = 'disabled'"
    );
    assert_eq!(app.count(&audited).await, 1);
}

#[tokio::test]
async fn the_streams_of_an_expired_key_get_nothing_more() {
    let app = App::start();
    let key = app.api_key("short", &["events"]).await;
    let sink = EventSink::start();
    let stream = push_stream(&app, &key, &sink).await;
    sink.set(Mode::Answers(500));
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    eventually("an attempt", async || !sink.requests().is_empty()).await;
    let expired =
        "UPDATE api_keys SET expires_at = now() - interval '1 second', created_at = now() - interval '1 day'";
    app.rows().await.batch_execute(expired).await.expect("an expired key");
    sink.set(Mode::Takes);
    let due = "UPDATE event_deliveries SET due_at = now() - interval '1 minute'";
    app.rows().await.batch_execute(due).await.expect("a due event");
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    let rows = format!("SELECT count(*) FROM event_deliveries WHERE receiver_id = '{stream}'");
    assert_eq!(app.count(&rows).await, 1, "no event is written for an expired key");
    // A stream of another key is served meanwhile, so the job has run.
    let (other, second) = (app.api_key("other", &["events"]).await, EventSink::start());
    push_stream(&app, &other, &second).await;
    app.register().await.sign_in().await.sign_out("local").await.expect(200);
    eventually("the other stream is served", async || !second.accepted().is_empty()).await;
    assert!(sink.accepted().is_empty(), "an event that waits is not sent after the end of the key");
}

#[tokio::test]
async fn a_poll_gives_the_events_of_a_subject_one_after_the_other_in_their_order() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let (session, other) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    // Ten events of one subject, with random ids in no order, and one event of another subject.
    let insert = format!(
        "INSERT INTO event_deliveries (receiver_id, event_id, type, subject, payload, occurred_at, due_at, waiting_from)
         SELECT '{stream}', gen_random_uuid(), '{SESSION_REVOKED}', 'user:{id}',
                jsonb_build_object('form', 'security_event', 'about', jsonb_build_object('user', {id}), 'transaction', NULL,
                                   'claims', jsonb_build_object('event_timestamp', n)), now(), now(), now()
         FROM generate_series(1, 10) n ORDER BY n",
        id = session.person.id
    );
    app.rows().await.batch_execute(&insert).await.expect("events");
    other.sign_out("local").await.expect(200);
    let keys = app.get("/.well-known/ssf-jwks.json").ask().await.expect(200).body;
    let (mut order, mut ack, mut answers) = (Vec::new(), Vec::new(), 0);
    loop {
        let polled = poll(&app, &key, &stream, &json!({"returnImmediately": true, "ack": ack})).await;
        let sets = polled["sets"].as_object().expect("sets");
        if sets.is_empty() {
            assert_eq!(polled["moreAvailable"], false);
            break;
        }
        answers += 1;
        let claims: Vec<_> = sets.values().map(|token| verified(token.as_str().unwrap(), &keys)).collect();
        let about: std::collections::HashSet<_> =
            claims.iter().map(|claims| claims["sub_id"].to_string()).collect();
        assert_eq!(about.len(), claims.len(), "an answer has one event of a subject");
        let own = |claims: &&Value| claims["sub_id"]["sub"] == session.person.id.to_string();
        let times = claims
            .iter()
            .filter(own)
            .map(|claims| claims["events"][SESSION_REVOKED]["event_timestamp"].clone());
        order.extend(times);
        assert_eq!(polled["moreAvailable"], answers < 10, "the other events of the subject wait");
        ack = sets.keys().cloned().collect();
    }
    let wanted: Vec<_> = (1..=10).map(Value::from).collect();
    assert_eq!(order, wanted);
}

#[tokio::test]
async fn one_key_has_at_most_five_streams_and_leaves_room_for_webhooks() {
    let app = App::start();
    let key = app.api_key("greedy", &["events"]).await;
    for _ in 0..5 {
        poll_stream(&app, &key).await;
    }
    let sixth = asked(&app, &key, Method::POST, STREAMS).json(&json!({})).ask().await;
    sixth.refused(409, "too_many_streams");
    // Many keys fill the part of the table that is for streams.
    let fill =
        "INSERT INTO event_receivers (id, kind, name, events, status, api_key_id, created_at, updated_at)
                SELECT gen_random_uuid(), 'poll', 'a stream', '{}', 'paused', gen_random_uuid(), now(), now()
                FROM generate_series(1, 75)";
    app.rows().await.batch_execute(fill).await.expect("streams");
    let other = app.api_key("late", &["events"]).await;
    let late = asked(&app, &other, Method::POST, STREAMS).json(&json!({})).ask().await;
    late.refused(409, "too_many_receivers");
    let sink = EventSink::start();
    super::webhook(&admin(&app).await, &sink.url(), &["security"]).await;
}

#[tokio::test]
async fn a_stream_has_one_waiting_verification() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let verify = async || {
        let body = json!({"stream_id": stream, "state": "what the receiver sent"});
        asked(&app, &key, Method::POST, "/api/v1/ssf/verify").json(&body).ask().await
    };
    verify().await.expect(204);
    verify().await.refused(409, "verification_waits");
    let polled = poll(&app, &key, &stream, &json!({"returnImmediately": true})).await;
    let ack: Vec<_> = polled["sets"].as_object().unwrap().keys().cloned().collect();
    poll(&app, &key, &stream, &json!({"returnImmediately": true, "ack": ack})).await;
    verify().await.expect(204);
}
