//! Tests of the publications that a history keeps, returns and recovers.

use proptest::prelude::*;
use protocol::Payload;

use super::*;

const TTL: Duration = Duration::from_secs(60);

fn publication(data: &str) -> Publication {
    Publication { data: Payload::parse(data).unwrap(), info: None, offset: 0, tags: Vec::new(), time_ms: 0 }
}

/// A stream that keeps `size` publications, after `count` publications.
fn stream(size: usize, count: usize, now: Instant) -> Stream {
    let mut stream = Stream::new(epoch(*b"epochabc"), size, TTL);
    for number in 1..=count {
        stream.append(now, publication(&number.to_string()));
    }
    stream
}

fn offsets(publications: &[Arc<Publication>]) -> Vec<u64> {
    publications.iter().map(|publication| publication.offset).collect()
}

fn at(offset: u64, epoch: &str) -> Position {
    Position { offset, epoch: epoch.to_owned() }
}

fn ask(limit: i32, since: Option<Position>, reverse: bool) -> HistoryRequest {
    HistoryRequest { channel: String::new(), limit, since, reverse }
}

#[test]
fn a_history_says_when_its_oldest_publication_expires() {
    let now = Instant::now();
    assert_eq!(stream(3, 0, now).next_expiry(), None);
    let mut stream = stream(1, 1, now);
    assert_eq!(stream.next_expiry(), Some(now + TTL));
    stream.append(now + TTL / 2, publication("2"));
    assert_eq!(stream.next_expiry(), Some(now + TTL / 2 + TTL));
}

#[test]
fn bytes_that_are_not_json_count_as_the_base64_that_clients_receive() {
    let now = Instant::now();
    let mut stream = stream(100, 0, now);
    let binary = Payload::from_bytes(vec![0xff; 60_000].into());
    for _ in 0..20 {
        stream.append(now, Publication { data: binary.clone(), ..publication("1") });
    }
    let page = stream.history(now, &ask(-1, None, false), PageBound::CLIENT).unwrap();
    let sent: usize = page.iter().map(|publication| publication.data.json_text().len()).sum();
    assert!(sent <= PAGE_BYTES && page.len() == 5, "{} publications, {sent} bytes", page.len());
    let position = stream.position();
    assert!(!stream.recover(now, &at(14, &position.epoch), RecoveryMode::Stream).recovered);
    assert!(stream.recover(now, &at(15, &position.epoch), RecoveryMode::Stream).recovered);
}

#[test]
fn an_epoch_is_eight_lower_case_letters() {
    let epoch = epoch([0, 25, 26, 255, 100, 97, 3, 200]);
    assert!(epoch.len() == 8 && epoch.bytes().all(|byte| byte.is_ascii_lowercase()), "{epoch}");
}

#[test]
fn history_pages_both_ways() {
    let now = Instant::now();
    let mut stream = stream(10, 12, now);
    let epoch = stream.position().epoch;
    let mut page = |limit, since, reverse| {
        stream.history(now, &ask(limit, since, reverse), PageBound::CLIENT).map(|found| offsets(&found))
    };
    assert_eq!(page(0, None, false), Ok(vec![]));
    assert_eq!(page(2, None, false), Ok(vec![3, 4]));
    assert_eq!(page(2, Some(at(4, &epoch)), false), Ok(vec![5, 6]));
    assert_eq!(page(-1, Some(at(10, "")), false), Ok(vec![11, 12]));
    assert_eq!(page(2, None, true), Ok(vec![12, 11]));
    assert_eq!(page(2, Some(at(11, &epoch)), true), Ok(vec![10, 9]));
    // If `since` is older than all kept publications, the page begins with the oldest.
    assert_eq!(page(2, Some(at(1, &epoch)), false), Ok(vec![3, 4]));
    assert_eq!(page(5, Some(at(12, &epoch)), false), Ok(vec![]));
    assert_eq!(page(1, Some(at(0, &epoch)), true), Err(ErrorCode::BadRequest));
    assert_eq!(page(1, Some(at(3, "another")), false), Err(ErrorCode::UnrecoverablePosition));
}

#[test]
fn an_answer_to_a_client_is_bounded_in_number_and_bytes() {
    let now = Instant::now();
    let mut many = stream(1_000, 1_000, now);
    assert_eq!(many.history(now, &ask(-1, None, false), PageBound::CLIENT).unwrap().len(), PAGE_MAX);
    assert_eq!(many.history(now, &ask(-1, None, false), PageBound::SERVER).unwrap().len(), 1_000);
    let small = PageBound { bytes: 300, ..PageBound::SERVER };
    assert!(many.history(now, &ask(-1, None, false), small).unwrap().len() < 3);
    let mut heavy = stream(100, 0, now);
    let data = format!("\"{}\"", "x".repeat(100_000));
    (0..20).for_each(|_| drop(heavy.append(now, publication(&data))));
    assert_eq!(heavy.history(now, &ask(-1, None, true), PageBound::CLIENT).unwrap().len(), 4);
    // Missed publications that exceed one answer are not recovered: they would overflow the outbox at each attempt.
    let position = heavy.position();
    assert!(!heavy.recover(now, &at(0, &position.epoch), RecoveryMode::Stream).recovered);
    assert!(heavy.recover(now, &at(16, &position.epoch), RecoveryMode::Stream).recovered);
}

#[test]
fn expired_publications_leave_epoch_and_offset_unchanged() {
    let now = Instant::now();
    let mut stream = stream(10, 3, now);
    let before = stream.position();
    stream.expire(now + TTL);
    assert_eq!((stream.position(), stream.bytes()), (before.clone(), 0));
    let later = now + TTL;
    assert!(stream.recover(later, &before, RecoveryMode::Stream).recovered);
    assert!(!stream.recover(later, &at(2, &before.epoch), RecoveryMode::Stream).recovered);
    assert_eq!(stream.append(later, publication("4")).offset, 4);
}

#[test]
fn a_cache_recovery_returns_the_newest_publication_unless_the_client_has_it() {
    let now = Instant::now();
    let mut filled = stream(10, 3, now);
    let epoch = filled.position().epoch;
    let mut cache = |since: Position| {
        let found = filled.recover(now, &since, RecoveryMode::Cache);
        (found.recovered, offsets(&found.publications))
    };
    assert_eq!(cache(at(0, "")), (true, vec![3]));
    assert_eq!(cache(at(1, &epoch)), (true, vec![3]));
    assert_eq!(cache(at(3, &epoch)), (true, vec![]));
    assert_eq!(cache(at(3, "another")), (true, vec![3]));
    let mut empty = stream(10, 0, now);
    assert!(empty.recover(now, &at(0, ""), RecoveryMode::Cache).recovered);
    assert!(!empty.recover(now, &at(5, ""), RecoveryMode::Cache).recovered);
}

#[derive(Clone, Debug)]
enum Step {
    Publish,
    Wait(u64),
    Remove,
    Halve,
    Recover(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Publish),
        2 => (0_u64..40).prop_map(Step::Wait),
        1 => Just(Step::Remove),
        1 => Just(Step::Halve),
        6 => (0_u64..30, any::<bool>()).prop_map(|(offset, known)| Step::Recover(offset, known)),
    ]
}

proptest! {
    /// `recovered` is true exactly if all missed publications are kept, and then the result holds exactly these.
    #[test]
    fn a_recovery_returns_exactly_the_missed_publications(
        size in 1_usize..8,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut now = Instant::now();
        let mut stream = Stream::new(epoch(*b"epochabc"), size, TTL);
        // For each publication: when it was published, and whether it must still be kept.
        let mut model: Vec<(Instant, bool)> = Vec::new();
        for step in steps {
            match step {
                Step::Publish => {
                    stream.append(now, publication("1"));
                    model.push((now, true));
                    let gone = model.len().saturating_sub(size);
                    model[..gone].iter_mut().for_each(|(_, kept)| *kept = false);
                }
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Remove => {
                    stream.remove();
                    model.iter_mut().for_each(|(_, kept)| *kept = false);
                }
                Step::Halve => {
                    stream.expire(now);
                    model.iter_mut().for_each(|(at, kept)| *kept &= now.duration_since(*at) < TTL);
                    stream.halve();
                    let kept = model.iter().filter(|(_, kept)| *kept).count();
                    let halved = model.iter_mut().filter(|(_, kept)| *kept).take(kept.div_ceil(2));
                    halved.for_each(|(_, kept)| *kept = false);
                }
                Step::Recover(offset, known) => {
                    let since = at(offset, if known { "" } else { "another" });
                    let found = stream.recover(now, &since, RecoveryMode::Stream);
                    let top = model.len() as u64;
                    let there = |(at, kept): &(Instant, bool)| *kept && now.duration_since(*at) < TTL;
                    let missed = model.get(usize::try_from(offset).unwrap()..);
                    let owed = known && missed.is_some_and(|missed| missed.iter().all(there));
                    prop_assert_eq!(found.recovered, owed);
                    let expected: Vec<u64> = if owed { (offset + 1..=top).collect() } else { Vec::new() };
                    prop_assert_eq!(offsets(&found.publications), expected);
                    prop_assert_eq!(found.offset, if owed { offset } else { top });
                }
            }
            let weighed: usize = stream.kept.iter().map(|(_, publication)| weight(publication)).sum();
            prop_assert_eq!(stream.bytes(), weighed);
            prop_assert!(stream.kept.len() <= size);
        }
    }
}
