//! Outside users and tokens that are denied.

use std::time::Duration;

use portcullis::service::DenialTerms;
use portcullis_actors::{
    audit::{AuditEvent, Outcome},
    id::Subject,
};
use serde_json::json;

use super::{connected, told};
use crate::harness::{
    App,
    issuer::{self, now, signed},
};

fn terms() -> DenialTerms {
    let event = AuditEvent::new("", Outcome::Success, now() * 1000);
    DenialTerms { expires_at: None, reason: "a test".to_owned(), event }
}

#[actix_web::test]
async fn what_is_denied_ends_outside_connections_and_keeps_them_out() {
    let app = App::with(issuer::shared_with);
    let ann = Subject::new("corp:ann");
    let claims = json!({"sub": "ann", "jti": "first", "iat": now() - 60});
    let mut socket = connected(&app, &claims).await;
    let severed = app.services().block_user(ann.clone(), terms()).await.unwrap();
    assert_eq!((severed.closed, severed.pending), (1, 0));
    assert_eq!(socket.closed().await.code, 4503);
    assert_eq!(told(&app, &signed(&claims)).await, "close 4503");
    app.services().unblock_user(ann.clone(), terms()).await.unwrap();
    let mut socket = connected(&app, &claims).await;
    app.services().revoke_token("first", terms()).await.unwrap();
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(told(&app, &signed(&claims)).await, "close 4500");
    let second = json!({"sub": "ann", "jti": "second", "iat": now() - 60});
    let mut socket = connected(&app, &second).await;
    let before = app.services().clock().now() - Duration::from_secs(30);
    app.services().invalidate_tokens(ann, before, None, terms()).await.unwrap();
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(told(&app, &signed(&second)).await, "close 4500");
    assert_eq!(told(&app, &signed(&json!({"sub": "ann"}))).await, "close 4500", "issued nobody knows when");
    assert_eq!(told(&app, &signed(&json!({"sub": "ann", "iat": now()}))).await, "connected");
    assert_eq!(told(&app, &signed(&json!({"sub": "bob", "iat": now() - 60}))).await, "connected");
}
