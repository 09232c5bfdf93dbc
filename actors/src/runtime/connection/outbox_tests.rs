//! Tests of the order, the bound and the ends of the outbox.

use std::{future::Future, sync::atomic::AtomicUsize, task::Context};

use proptest::prelude::*;

use super::*;

fn take_all(reader: &OutboxReader) -> (Vec<Bytes>, Option<ConnectionEnd>) {
    let mut frames = Vec::new();
    let end = reader.take(usize::MAX, &mut frames);
    (frames, end)
}

#[test]
fn frames_leave_in_the_order_of_the_pushes() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    outbox.push(Bytes::from_static(b"a")).unwrap();
    outbox.push_from_owner(Bytes::from_static(b"b")).unwrap();
    assert_eq!(take_all(&reader).0, ["a", "b"]);
    assert_eq!(outbox.queued_bytes(), 0);
}

#[test]
fn reserved_and_queued_bytes_share_the_limit() {
    const KIB: usize = 1024;
    let (outbox, reader) = outbox(1024 * KIB, Encoding::Json);
    let first = outbox.reserve(896 * KIB).expect("the largest answer fits into an empty queue");
    assert!(outbox.reserve(100 * KIB).is_none());
    outbox.push(Bytes::from(vec![b'x'; 896 * KIB])).unwrap();
    drop(first);
    assert!(outbox.reserve(100 * KIB).is_none());
    take_all(&reader);
    assert!(outbox.reserve(896 * KIB).is_some());
}

#[test]
fn a_waiting_reservation_is_woken_when_there_is_enough_space() {
    const KIB: usize = 1024;
    let (outbox, reader) = outbox(1024 * KIB, Encoding::Json);
    let woken = Arc::new(Woken::default());
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let mut task = Context::from_waker(&waker);
    let made = outbox.reserve(400 * KIB);
    outbox.push(Bytes::from(vec![b'x'; 400 * KIB])).unwrap();
    reader.register(&task);
    let mut waiting = std::pin::pin!(outbox.reserve_in_turn(512 * KIB));
    assert!(waiting.as_mut().poll(&mut task).is_pending());
    drop(made);
    assert_eq!(woken.0.swap(0, Ordering::SeqCst), 1, "the reserved space is returned");
    outbox.push(Bytes::from(vec![b'x'; 400 * KIB])).unwrap();
    assert!(waiting.as_mut().poll(&mut task).is_pending());
    reader.register(&task);
    reader.take(1, &mut Vec::new());
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "the queued frames are read");
    assert!(waiting.as_mut().poll(&mut task).is_ready());
}

#[test]
fn a_reservation_in_turn_is_reduced_to_what_an_empty_queue_can_hold() {
    let (outbox, _reader) = outbox(100 * 1024, Encoding::Json);
    let mut task = Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::pin!(outbox.reserve_in_turn(512 * 1024)).poll(&mut task).is_ready());
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn an_overflow_ends_the_connection_as_slow_and_drops_the_queue() {
    let (outbox, reader) = outbox(3, Encoding::Json);
    outbox.push(Bytes::from_static(b"ab")).unwrap();
    assert_eq!(outbox.push(Bytes::from_static(b"cd")), Err(OutboxClosed));
    assert_eq!(take_all(&reader), (vec![], Some(ConnectionEnd::Shed(CloseReason::Slow.into()))));
    assert!(!outbox.is_open());
}

#[test]
fn a_cut_overrides_the_end_after_an_overflow() {
    let (outbox, reader) = outbox(1, Encoding::Json);
    assert_eq!(outbox.push(Bytes::from_static(b"ab")), Err(OutboxClosed));
    outbox.cut(CloseReason::SessionRevoked, None);
    assert_eq!(reader.end(), Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into())));
}

#[test]
fn queued_frames_leave_before_a_close() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    outbox.push(Bytes::from_static(b"a")).unwrap();
    outbox.close(CloseReason::Expired);
    assert_eq!(outbox.push(Bytes::from_static(b"b")), Err(OutboxClosed));
    assert_eq!(take_all(&reader), (vec![Bytes::from_static(b"a")], None));
    assert_eq!(take_all(&reader), (vec![], Some(ConnectionEnd::Flush(CloseReason::Expired.into()))));
}

#[test]
fn a_cut_overrides_a_close_and_discards_the_queue() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    outbox.push(Bytes::from_static(b"a")).unwrap();
    outbox.close(CloseReason::Expired);
    outbox.cut(CloseReason::SessionRevoked, None);
    assert_eq!(take_all(&reader), (vec![], Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into()))));
}

#[test]
fn a_cut_overrides_a_close_by_the_peer() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    outbox.push(Bytes::from_static(b"a")).unwrap();
    outbox.close_from_peer();
    assert_eq!(take_all(&reader), (vec![], Some(ConnectionEnd::Peer)));
    outbox.cut(CloseReason::SessionRevoked, None);
    assert_eq!(reader.end(), Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into())));
}

#[test]
fn a_second_cut_does_not_change_the_close_reason() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    outbox.cut(CloseReason::SessionRevoked, None);
    outbox.cut(CloseReason::Shutdown, None);
    assert_eq!(reader.end(), Some(ConnectionEnd::Cut(CloseReason::SessionRevoked.into())));
}

#[test]
fn an_outbox_without_a_reader_accepts_nothing() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    drop(reader);
    assert_eq!(outbox.push(Bytes::from_static(b"a")), Err(OutboxClosed));
}

#[test]
fn frames_that_were_pushed_before_a_hold_leave_before_the_released_frame() {
    let (outbox, reader) = outbox(100, Encoding::Json);
    let frame = Bytes::from_static;
    outbox.push(frame(b"1")).unwrap();
    outbox.push(frame(b"2")).unwrap();
    outbox.hold();
    outbox.push(frame(b"4")).unwrap();
    let mut left = Vec::new();
    assert_eq!(reader.take(1, &mut left), None);
    assert_eq!(left, ["1"]);
    outbox.release(frame(b"3")).unwrap();
    reader.take(100, &mut left);
    assert_eq!(left, ["1", "2", "3", "4"]);

    outbox.push(frame(b"5")).unwrap();
    outbox.hold();
    outbox.push(frame(b"7")).unwrap();
    reader.take(100, &mut left);
    reader.take(100, &mut left);
    assert_eq!(left.last(), Some(&frame(b"5")));
    outbox.release(frame(b"6")).unwrap();
    reader.take(100, &mut left);
    assert_eq!(left[5..], ["6", "7"]);
}

proptest! {
    #[test]
    fn the_counter_of_the_node_has_the_bytes_of_all_queues(
        steps in prop::collection::vec((0_usize..3, 0_u8..9, 0_usize..400), 1..80)
    ) {
        let (gate, queued) = (Arc::new(DeliveryGate::new(Instant::now())), Arc::new(QueuedBytes::default()));
        let mut queues: Vec<_> = (0..3)
            .map(|_| outbox_behind(Arc::clone(&gate), Arc::clone(&queued), 1_000, Encoding::Json))
            .map(|(outbox, reader)| (outbox, Some(reader)))
            .collect();
        for (number, step, size) in steps {
            let (outbox, reader) = &mut queues[number];
            let frame = Bytes::from(vec![b'x'; size]);
            match step {
                0..=2 => drop(outbox.push(frame)),
                3 => drop(outbox.push_from_owner(frame)),
                4 => gate.close(Instant::now()),
                5 => drop(gate.open()),
                6 => {
                    outbox.hold();
                    let _ = outbox.push(frame.clone());
                    let _ = outbox.release(frame);
                }
                7 => {
                    if let Some(reader) = reader {
                        reader.take(size, &mut Vec::new());
                    }
                }
                _ if size > 300 => *reader = None,
                _ if size > 200 => outbox.cut(CloseReason::Slow, None),
                _ => outbox.close(CloseReason::Slow),
            }
            let sum: usize = queues.iter().map(|(outbox, _)| outbox.queued_bytes()).sum();
            prop_assert_eq!(queued.total(), sum);
        }
        drop(queues);
        prop_assert_eq!(queued.total(), 0);
    }
}
