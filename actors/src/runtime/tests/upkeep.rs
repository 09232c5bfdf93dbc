//! Tests of audit events and last-seen values (how they are queued and written to the database), and of bans.

use domain::abuse::stuffing::Pair;
use logic::bans::BanStatus;
use protocol::limit::Limit;

use super::*;
use crate::runtime::services::audit::{Panic, Pause};

#[actix_rt::test]
async fn audit_events_wait_for_the_database_and_arrive_in_order() {
    let f = start(|settings| settings.audit_interval = Duration::from_millis(1));
    f.memory.down.store(true, Ordering::SeqCst);
    for n in 0..5 {
        f.realtime.record(AuditEvent::new(&format!("n.{n}"), Outcome::Success, n)).await.unwrap();
    }
    eventually(|| f.memory.refused.load(Ordering::SeqCst) > 1).await;
    f.memory.down.store(false, Ordering::SeqCst);
    eventually(|| f.memory.events.lock().len() == 5).await;
    let names: Vec<String> = f.memory.events.lock().iter().map(|event| event.event.clone()).collect();
    assert_eq!(names, ["n.0", "n.1", "n.2", "n.3", "n.4"]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn audit_events_beyond_the_bound_in_bytes_are_refused_or_dropped() {
    let f = start(|settings| settings.audit_interval = Duration::from_millis(1));
    let (release, paused) = std::sync::mpsc::channel();
    f.realtime.0.audit.lane().control(Pause(paused));
    let heavy = || AuditEvent::new("n.heavy", Outcome::Success, 0).with("text", "x".repeat(1 << 20));
    for _ in 0..20 {
        f.realtime.note(heavy());
    }
    assert!(f.realtime.record(heavy()).await.is_err(), "an event that must be recorded is refused");
    drop(release);
    assert!(f.realtime.flush(Duration::from_secs(10)).await);
    assert_eq!(f.memory.events.lock().len(), 15, "15 of these events fit into 16 MiB");
    f.realtime.record(heavy()).await.unwrap();
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_next_audit_actor_writes_the_waiting_socket_events_of_a_dead_one() {
    let f = start(|settings| settings.audit_interval = Duration::from_millis(1));
    let lane = f.realtime.0.audit.lane();
    let (release, paused) = std::sync::mpsc::channel();
    lane.control(Pause(paused));
    lane.control(Panic);
    for name in ["a", "b"] {
        f.realtime.note(AuditEvent::new(name, Outcome::Success, 0));
    }
    drop(release);
    eventually(|| f.memory.events.lock().len() == 2).await;
    let names: Vec<String> = f.memory.events.lock().iter().map(|event| event.event.clone()).collect();
    assert_eq!(names, ["a", "b"]);
    f.realtime.stop();
}

#[actix_rt::test]
async fn last_seen_values_of_one_session_are_merged_into_one() {
    let f = start(|settings| settings.touch_interval = Duration::from_secs(3600));
    let (session, device) = (SessionId::random(), DeviceId::random());
    for (at_ms, generation) in [(5, 1), (9, 0), (7, 2)] {
        f.realtime.seen(SessionActivity {
            user: UserId(1),
            session,
            device,
            address: None,
            at_ms,
            generation,
        });
    }
    assert!(f.realtime.flush(Duration::from_secs(5)).await);
    let seen = f.memory.seen.lock().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].at_ms, seen[0].generation), (9, 2));
    f.realtime.stop();
}

#[actix_rt::test]
async fn last_seen_values_that_exceed_one_batch_are_all_written() {
    let f = start(|settings| settings.touch_interval = Duration::from_secs(3600));
    let sessions: std::collections::HashSet<_> = (0..1300).map(|_| SessionId::random()).collect();
    for session in &sessions {
        let device = DeviceId::random();
        f.realtime.seen(SessionActivity {
            user: UserId(1),
            session: *session,
            device,
            address: None,
            at_ms: 1,
            generation: 0,
        });
    }
    assert!(f.realtime.flush(Duration::from_secs(5)).await);
    let seen = f.memory.seen.lock().clone();
    assert_eq!(seen.len(), sessions.len());
    assert_eq!(seen.iter().map(|seen| seen.session).collect::<std::collections::HashSet<_>>(), sessions);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_flush_waits_for_a_write_of_last_seen_values_that_is_in_progress() {
    let f = start(|settings| settings.touch_interval = Duration::from_millis(1));
    let held = f.memory.touch.lock().await;
    // More than one batch, so that the write continues after its first batch.
    let count = 1300;
    for _ in 0..count {
        let (session, device) = (SessionId::random(), DeviceId::random());
        f.realtime.seen(SessionActivity {
            user: UserId(1),
            session,
            device,
            address: None,
            at_ms: 1,
            generation: 0,
        });
    }
    eventually(|| f.memory.touches.load(Ordering::SeqCst) > 0).await;
    assert!(!f.realtime.flush(Duration::from_millis(200)).await, "answered before the write has ended");
    drop(held);
    assert!(f.realtime.flush(Duration::from_secs(5)).await);
    assert_eq!(f.memory.seen.lock().len(), count);
    f.realtime.stop();
}

#[actix_rt::test]
async fn an_event_that_the_database_refuses_does_not_block_others() {
    let f = start(|settings| settings.audit_interval = Duration::from_millis(1));
    f.memory.down.store(true, Ordering::SeqCst);
    for name in ["a", "poisonous", "b"] {
        f.realtime.record(AuditEvent::new(name, Outcome::Success, 0)).await.unwrap();
    }
    f.memory.down.store(false, Ordering::SeqCst);
    eventually(|| f.memory.events.lock().len() == 2).await;
    let names: Vec<String> = f.memory.events.lock().iter().map(|event| event.event.clone()).collect();
    assert_eq!(names, ["a", "b"]);
    let refused = std::fs::read_to_string(f.dir.path().join("audit.refused")).unwrap();
    assert!(refused.contains("poisonous"));
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_ban_survives_the_restart_of_the_limiter_of_its_key() {
    let f = start(|_| {});
    let address = std::net::IpAddr::from([203, 0, 113, 9]);
    assert_eq!(f.realtime.ban_status(address, 0), BanStatus::Unknown);
    assert!(f.realtime.fill_bans(f.realtime.bans_mark(), Vec::new()));
    let limit = Limit { name: "stuffing", burst: 1, period: Duration::from_secs(60) };
    assert!(f.realtime.note_wrong_pair("203.0.113.9", Pair { account: 1, password: 1 }, limit).await);
    f.realtime.ban("203.0.113.9", 1_000);
    let lane = &f.realtime.0.limiters[f.realtime.limiter_of("203.0.113.9")];
    let generation = lane.generation();
    lane.control(crate::runtime::services::rate_limiter::Panic);
    eventually(|| lane.generation() > generation).await;
    assert_eq!(f.realtime.ban_status(address, 0), BanStatus::Banned(Duration::from_secs(1)));
    f.realtime.stop();
}
