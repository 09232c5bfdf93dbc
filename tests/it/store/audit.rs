//! Audit events in the database.

use protocol::audit::{AuditEvent, Outcome};

use super::with_db;

#[test]
fn an_event_written_twice_is_one_row() {
    with_db(|db| async move {
        let event = AuditEvent::new("socket.closed", Outcome::Success, 1_800_000_000_123).with("code", 4500);
        let other = AuditEvent::new("socket.opened", Outcome::Denied, 1_800_000_000_124);
        db.store.insert_audit(vec![event.clone()]).await.unwrap();
        db.store.insert_audit(vec![event, other]).await.unwrap();
        assert_eq!(db.count("SELECT count(*) FROM audit_events").await, 2);
        let exact = "SELECT count(*) FROM audit_events WHERE at = to_timestamp(1800000000.123) AND detail->>'code' = '4500'";
        assert_eq!(db.count(exact).await, 1);
    });
}

#[test]
fn an_event_with_nul_characters_is_written_with_replacements() {
    with_db(|db| async move {
        let event = AuditEvent::new("session.refused", Outcome::Failure, 0)
            .with("text\0", serde_json::json!({ "a": ["b\0c", "\\u0000"] }));
        db.store.insert_audit(vec![event]).await.unwrap();
        let kept = "SELECT count(*) FROM audit_events WHERE detail::text LIKE '%b\u{fffd}c%'";
        assert_eq!(db.count(kept).await, 1);
    });
}
