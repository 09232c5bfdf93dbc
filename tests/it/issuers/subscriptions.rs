//! Subscription tokens: what they permit, and for which user.

use std::sync::Arc;

use logic::{denials::TokenMark, namespace::Namespaces};
use protocol::id::Subject;
use serde_json::{Value, json};

use super::{connect, connected};
use crate::harness::{
    App, Closed, Socket,
    issuer::{self, now, signed, signed_with},
};

/// Without a token, no user may subscribe to this channel.
const PRIVATE: &str = "$ephemeral:room";

async fn subscribe(socket: &mut Socket, channel: &str, token: &str) -> Result<Value, Closed> {
    socket.ask(json!({"subscribe": {"channel": channel, "token": token}})).await
}

#[actix_web::test]
async fn a_private_channel_requires_a_valid_subscription_token() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let refused = ann.ask(json!({"subscribe": {"channel": PRIVATE}})).await.unwrap();
    assert_eq!(refused["error"]["code"], 103);
    let claims = |field: &str, value: Value| {
        let mut claims = json!({"sub": "ann", "channel": PRIVATE, "exp": now() + 60});
        claims[field] = value;
        claims
    };
    let errors = [
        (
            "signed with another secret",
            signed_with("wrong", &json!({"alg": "HS256"}), &claims("jti", json!("1"))),
            103,
        ),
        ("that is no token", "nonsense".to_owned(), 103),
        ("for a connection", signed(&json!({"sub": "ann"})), 103),
        ("that has expired", signed(&claims("exp", json!(now() - 1))), 109),
        ("that ends too late", signed(&claims("exp", json!(now() + 31 * super::DAY))), 103),
    ];
    for (name, token, code) in errors {
        let reply = subscribe(&mut ann, PRIVATE, &token).await.unwrap();
        assert_eq!(reply["error"]["code"], code, "a token {name}: {reply}");
    }
    let token = signed(&claims("info", json!({"seat": 7})));
    let reply = subscribe(&mut ann, PRIVATE, &token).await.unwrap();
    assert_eq!(reply["subscribe"]["expires"], true, "{reply}");
    ann.publish(PRIVATE, json!("hush")).await;
    let heard = ann.pushed().await;
    assert_eq!(heard["pub"]["info"]["chan_info"], json!({"seat": 7}), "{heard}");
}

#[actix_web::test]
async fn a_user_whose_name_permits_no_personal_channel_connects_and_is_counted() {
    let app = App::with(|settings| {
        settings.realtime.namespaces = Arc::new(Namespaces::default().with_personal("user"));
        let lone = json!({"name": "lone", "keys": {"hmac": [issuer::SECRET]}, "algorithms": ["HS256"]});
        issuer::configure(settings, &json!([lone]));
    });
    let counted = async || {
        let shown = app.metrics();
        let name = r#"connections_without_personal_channel_total{issuer="lone"} "#;
        shown.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
    };
    let (_, reply) = connect(&app, &signed(&json!({"sub": "ann"}))).await.expect("a reply");
    assert!(reply["connect"]["subs"]["user:#lone:ann"].is_object(), "{reply}");
    assert_eq!(counted().await, None);
    for (name, count) in [("zo\u{eb}", "1"), ("ann,bob", "2")] {
        let (_, reply) = connect(&app, &signed(&json!({"sub": name}))).await.expect("a reply");
        assert!(reply["connect"]["client"].is_string() && reply["connect"].get("subs").is_none(), "{reply}");
        assert_eq!(counted().await.as_deref(), Some(count));
    }
}

#[actix_web::test]
async fn a_subscription_token_for_another_user_channel_or_connection_ends_the_connection() {
    let app = App::with(issuer::shared_with);
    let foreign = [
        ("another user", json!({"sub": "bob", "channel": PRIVATE})),
        ("another channel", json!({"sub": "ann", "channel": "$ephemeral:other"})),
        ("another connection", json!({"sub": "ann", "channel": PRIVATE, "client": "c0ffee"})),
        ("no user", json!({"channel": PRIVATE})),
    ];
    for (name, claims) in foreign {
        let mut ann = connected(&app, &json!({"sub": "ann"})).await;
        let closed = subscribe(&mut ann, PRIVATE, &signed(&claims)).await.unwrap_err();
        assert_eq!(closed.code, 3500, "a token for {name}");
    }
}

#[actix_web::test]
async fn a_subscription_token_can_be_limited_to_one_connection() {
    let app = App::with(issuer::shared_with);
    let (mut ann, reply) = connect(&app, &signed(&json!({"sub": "ann"}))).await.unwrap();
    let claims = json!({"sub": "ann", "channel": PRIVATE, "client": reply["connect"]["client"]});
    let reply = subscribe(&mut ann, PRIVATE, &signed(&claims)).await.unwrap();
    assert!(reply["subscribe"].is_object(), "{reply}");
}

#[actix_web::test]
async fn an_issuer_without_a_prefix_can_sign_subscription_tokens_for_users_of_this_server() {
    let app = App::with(|settings| {
        let keys = json!({"hmac": [issuer::SECRET]});
        let trusted = json!({"name": "own", "keys": keys, "algorithms": ["HS256"], "uses": ["subscription"], "user_prefix": ""});
        issuer::configure(settings, &json!([trusted]));
    });
    let session = app.register().await.open_session().await;
    let (mut socket, _) = connect(&app, &session.access).await.unwrap();
    let claims = json!({"sub": session.person.id.to_string(), "channel": PRIVATE});
    let reply = subscribe(&mut socket, PRIVATE, &signed(&claims)).await.unwrap();
    assert!(reply["subscribe"].is_object(), "{reply}");
    // This issuer may sign no connection tokens.
    assert_eq!(super::outcome(&app, &signed(&json!({"sub": "1"}))).await, "close 3500");
}

#[actix_web::test]
async fn a_subscription_is_prolonged_by_a_newer_subscription_token() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let token = |exp: i64| signed(&json!({"sub": "ann", "channel": PRIVATE, "exp": exp}));
    subscribe(&mut ann, PRIVATE, &token(now() + 60)).await.unwrap();
    let refresh = |token: String| json!({"sub_refresh": {"channel": PRIVATE, "token": token}});
    let reply = ann.ask(refresh(token(now() + 600))).await.unwrap();
    assert!(reply["sub_refresh"]["ttl"].as_i64().unwrap() > 500, "{reply}");
}

#[actix_web::test]
async fn an_expired_token_for_sub_refresh_makes_the_client_subscribe_again() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let token = |exp: i64| signed(&json!({"sub": "ann", "channel": PRIVATE, "exp": exp}));
    subscribe(&mut ann, PRIVATE, &token(now() + 60)).await.unwrap();
    let refresh = json!({"sub_refresh": {"channel": PRIVATE, "token": token(now() - 1)}});
    let reply = ann.ask(refresh).await.unwrap();
    let error = &reply["error"];
    assert_eq!((&error["code"], &error["temporary"]), (&json!(100), &json!(true)), "{reply}");
    let push = ann.pushed().await;
    assert_eq!((&push["channel"], &push["unsubscribe"]["code"]), (&json!(PRIVATE), &json!(2501)), "{push}");
    let reply = subscribe(&mut ann, PRIVATE, &token(now() + 60)).await.unwrap();
    assert!(reply["subscribe"].is_object(), "{reply}");
}

#[actix_web::test]
async fn connections_describe_the_source_and_token_of_their_subscriptions() {
    let app = App::with(issuer::shared_with);
    let listed = json!({"sub": "ann", "channels": ["ephemeral:listed"], "jti": "c-1", "iat": now() - 9});
    let mut ann = connected(&app, &listed).await;
    let issued = now() - 5;
    let token = signed(&json!({"sub": "ann", "channel": PRIVATE, "jti": "s-1", "iat": issued}));
    subscribe(&mut ann, PRIVATE, &token).await.unwrap();
    ann.subscribe("ephemeral:open").await;
    let connections = app.realtime().connections_of(&Subject::new("corp:ann")).await;
    let said = connections[0].described.clone().expect("an answer");
    let mut found: Vec<_> = said
        .subscriptions
        .iter()
        .map(|it| (it.channel.to_string(), it.source.number(), it.token.clone()))
        .collect();
    found.sort_by_key(|(channel, ..)| channel.clone());
    let proof = TokenMark { id: Some("s-1".into()), issued_at_ms: Some(issued * 1_000) };
    let expected = [(PRIVATE, 3, Some(proof)), ("ephemeral:listed", 1, None), ("ephemeral:open", 6, None)];
    assert_eq!(found, expected.map(|(channel, source, token)| (channel.to_owned(), source, token)));
}

#[actix_web::test]
async fn a_refused_token_is_counted_by_issuer_and_reason() {
    let app = App::with(|settings| {
        let counted = json!({"name": "counted", "keys": {"hmac": [issuer::SECRET]}, "algorithms": ["HS256"]});
        issuer::configure(settings, &json!([counted]));
    });
    for claims in [json!({"sub": 42}), json!({"sub": "ann", "nbf": 99_999_999_999_i64})] {
        assert!(connect(&app, &signed(&claims)).await.is_err(), "{claims}");
    }
    let shown = app.metrics();
    for reason in ["wrong_claims", "not_yet_valid"] {
        let line = format!(r#"external_tokens_refused_total{{issuer="counted",reason="{reason}"}} 1"#);
        assert!(shown.lines().any(|shown| shown == line), "{line}");
    }
}
