//! Tests of an outbox behind a closed gate: what leaves, what waits, and how a wait ends.

use std::time::Duration;

use super::*;

const REPLY: Bytes = Bytes::from_static(b"reply");

struct Fixture {
    gate: Arc<DeliveryGate>,
    outbox: Outbox,
    reader: OutboxReader,
}

fn behind_a_closed_gate(limit: usize) -> Fixture {
    let gate = Arc::new(DeliveryGate::new(Instant::now()));
    gate.close(Instant::now());
    let (outbox, reader) = outbox_behind(Arc::clone(&gate), Arc::default(), limit, Encoding::Json);
    Fixture { gate, outbox, reader }
}

impl Fixture {
    fn push(&self, frame: &'static str) {
        self.outbox.push(Bytes::from_static(frame.as_bytes())).unwrap();
    }

    fn take(&self) -> (Vec<Bytes>, Option<ConnectionEnd>) {
        let mut frames = Vec::new();
        let end = self.reader.take(usize::MAX, &mut frames);
        (frames, end)
    }

    fn open(&self) -> usize {
        let waiting = self.gate.open();
        waiting.iter().filter_map(std::sync::Weak::upgrade).for_each(|connection| connection.resume());
        waiting.len()
    }
}

fn shed(reason: CloseReason) -> (Vec<Bytes>, Option<ConnectionEnd>) {
    (vec![], Some(ConnectionEnd::Shed(reason.into())))
}

#[test]
fn deliveries_wait_and_leave_once_in_order() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.push("2");
    assert_eq!((held.take(), held.take()), ((vec![], None), (vec![], None)));
    held.push("3");
    assert_eq!(held.open(), 1, "the connection has registered once");
    held.push("4");
    assert_eq!(held.take().0, ["1", "2", "3", "4"]);
    assert_eq!((held.take().0.len(), held.outbox.queued_bytes()), (0, 0));
}

#[test]
fn frames_that_were_queued_when_the_gate_closed_wait_too() {
    let held = behind_a_closed_gate(100);
    held.open();
    held.push("1");
    held.gate.close(Instant::now());
    assert_eq!(held.take().0.len(), 0);
    assert_eq!(held.open(), 1);
    assert_eq!(held.take().0, ["1"]);
}

#[test]
fn a_delivery_does_not_leave_if_the_gate_was_not_renewed_in_time() {
    let held = behind_a_closed_gate(100);
    held.gate.renew(Instant::now() + Duration::from_secs(60));
    held.open();
    held.push("1");
    held.gate.renew(Instant::now());
    assert_eq!(held.take(), (vec![], None), "the outbox itself closes the gate");
    assert!(held.gate.is_closed() && held.gate.held() == 1);
    held.gate.renew(Instant::now() + Duration::from_secs(60));
    assert_eq!(held.open(), 1);
    assert_eq!(held.take().0, ["1"]);
}

#[test]
fn a_reply_leaves_before_a_delivery_if_the_gate_was_not_renewed_in_time() {
    let held = behind_a_closed_gate(100);
    held.open();
    held.push("1");
    held.gate.renew(Instant::now());
    held.outbox.push_from_owner(REPLY).unwrap();
    assert_eq!(held.take().0, [REPLY]);
}

#[test]
fn replies_of_the_connections_own_task_and_refusals_do_not_wait_for_the_gate() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.outbox.push_from_owner(REPLY).unwrap();
    held.outbox.push_refusal(REPLY).unwrap();
    assert_eq!(held.take().0, [REPLY, REPLY]);
    held.outbox.push_from_owner(REPLY).unwrap();
    held.open();
    assert_eq!(held.take().0, [REPLY, Bytes::from_static(b"1")]);
}

#[test]
fn a_connection_that_waits_in_two_closings_is_resumed_in_both() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.take();
    assert_eq!(held.open(), 1);
    held.gate.close(Instant::now());
    assert_eq!(held.take().0.len(), 0);
    assert_eq!(held.open(), 1);
    assert_eq!(held.take().0, ["1"]);
}

#[test]
fn a_connection_without_deliveries_does_not_register_with_the_gate() {
    let held = behind_a_closed_gate(100);
    held.outbox.push_from_owner(REPLY).unwrap();
    assert_eq!((held.take().0.len(), held.gate.held()), (1, 0));
}

#[test]
fn an_overflow_behind_the_gate_closes_with_insufficient_state() {
    let held = behind_a_closed_gate(3);
    held.push("123");
    assert_eq!(held.outbox.push(Bytes::from_static(b"4")), Err(OutboxClosed));
    assert_eq!(held.take(), shed(CloseReason::InsufficientState));
    assert!(CloseReason::InsufficientState.reconnects());
}

#[test]
fn a_wait_that_is_too_long_ends_the_connection_and_drops_its_frames() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.take();
    held.gate.close(Instant::now());
    held.gate.close(Instant::now() + Duration::from_secs(60));
    for overdue in held.gate.take_overdue(Duration::from_secs(30), 10) {
        overdue.upgrade().unwrap().give_up();
    }
    assert_eq!(held.take(), shed(CloseReason::InsufficientState));
    assert!(!held.outbox.is_open());
}

#[test]
fn an_orderly_end_drops_frames_that_wait_for_the_gate() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.outbox.push_from_owner(REPLY).unwrap();
    held.outbox.close(CloseReason::Expired);
    assert_eq!(held.take(), (vec![REPLY], None));
    assert_eq!(held.take(), (vec![], Some(ConnectionEnd::Flush(CloseReason::Expired.into()))));
}

#[test]
fn a_cut_connection_never_receives_frames_that_waited() {
    let held = behind_a_closed_gate(100);
    held.push("1");
    held.take();
    held.outbox.cut(CloseReason::SessionRevoked, None);
    held.open();
    assert_eq!(held.take(), (vec![], Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into()))));
}

#[test]
fn a_connection_that_lost_a_subscription_ends_only_if_deliveries_wait() {
    let held = behind_a_closed_gate(100);
    held.outbox.end_if_held_back();
    assert!(held.outbox.is_open(), "nothing waits");
    held.push("1");
    held.open();
    held.outbox.end_if_held_back();
    assert!(held.outbox.is_open(), "the gate is open");
    held.gate.close(Instant::now());
    held.outbox.end_if_held_back();
    assert_eq!(held.take(), shed(CloseReason::InsufficientState));
}

#[test]
fn frames_behind_the_reply_to_connect_also_wait_for_the_gate() {
    let held = behind_a_closed_gate(100);
    held.outbox.hold();
    held.push("2");
    assert_eq!(held.take().0.len(), 0);
    held.open();
    assert_eq!(held.take().0.len(), 0, "the reply to `connect` is missing");
    held.gate.close(Instant::now());
    held.outbox.release(Bytes::from_static(b"1")).unwrap();
    assert_eq!(held.take().0.len(), 0);
    held.open();
    assert_eq!(held.take().0, ["1", "2"]);
}
