//! Tests of the publications that a history keeps, returns and recovers.

use std::collections::HashMap;

use proptest::prelude::*;
use protocol::{
    Payload,
    id::{ConnectionId, Subject},
};

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

fn request(limit: i32, since: Option<Position>, reverse: bool) -> HistoryRequest {
    HistoryRequest { channel: String::new(), limit, since, reverse }
}

#[test]
fn the_next_expiry_is_that_of_the_oldest_publication() {
    let now = Instant::now();
    assert_eq!(stream(3, 0, now).next_expiry(), None);
    let mut stream = stream(1, 1, now);
    assert_eq!(stream.next_expiry(), Some(now + TTL));
    stream.append(now + TTL / 2, publication("2"));
    assert_eq!(stream.next_expiry(), Some(now + TTL / 2 + TTL));
}

#[test]
fn bytes_that_are_not_json_count_with_their_base64() {
    let now = Instant::now();
    let mut stream = stream(100, 0, now);
    let binary = Payload::from_bytes(vec![0xff; 60_000].into());
    for _ in 0..20 {
        stream.append(now, Publication { data: binary.clone(), ..publication("1") });
    }
    let page = stream.history(now, &request(-1, None, false), PageBound::CLIENT).unwrap();
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
fn a_history_can_be_paged_in_both_directions() {
    let now = Instant::now();
    let mut stream = stream(10, 12, now);
    let epoch = stream.position().epoch;
    let mut page = |limit, since, reverse| {
        stream.history(now, &request(limit, since, reverse), PageBound::CLIENT).map(|found| offsets(&found))
    };
    assert_eq!(page(0, None, false), Ok(vec![]));
    assert_eq!(page(2, None, false), Ok(vec![3, 4]));
    assert_eq!(page(2, Some(at(4, &epoch)), false), Ok(vec![5, 6]));
    assert_eq!(page(-1, Some(at(10, "")), false), Ok(vec![11, 12]));
    assert_eq!(page(2, None, true), Ok(vec![12, 11]));
    assert_eq!(page(2, Some(at(11, &epoch)), true), Ok(vec![10, 9]));
    // If `since` is older than all kept publications, the page begins with the oldest kept publication.
    assert_eq!(page(2, Some(at(1, &epoch)), false), Ok(vec![3, 4]));
    assert_eq!(page(5, Some(at(12, &epoch)), false), Ok(vec![]));
    assert_eq!(page(1, Some(at(0, &epoch)), true), Err(ErrorCode::BadRequest));
    assert_eq!(page(1, Some(at(3, "another")), false), Err(ErrorCode::UnrecoverablePosition));
}

#[test]
fn an_answer_to_a_client_is_bounded_in_number_and_bytes() {
    let now = Instant::now();
    let mut many = stream(1_000, 1_000, now);
    assert_eq!(many.history(now, &request(-1, None, false), PageBound::CLIENT).unwrap().len(), PAGE_MAX);
    assert_eq!(many.history(now, &request(-1, None, false), PageBound::SERVER).unwrap().len(), 1_000);
    let small = PageBound { bytes: 300, ..PageBound::SERVER };
    assert!(many.history(now, &request(-1, None, false), small).unwrap().len() < 3);
    let mut heavy = stream(100, 0, now);
    let data = format!("\"{}\"", "x".repeat(100_000));
    (0..20).for_each(|_| drop(heavy.append(now, publication(&data))));
    assert_eq!(heavy.history(now, &request(-1, None, true), PageBound::CLIENT).unwrap().len(), 4);
    // If the missed publications do not fit into one answer, they are not recovered: they would overflow the outbox at each
    // attempt.
    let position = heavy.position();
    assert!(!heavy.recover(now, &at(0, &position.epoch), RecoveryMode::Stream).recovered);
    assert!(heavy.recover(now, &at(16, &position.epoch), RecoveryMode::Stream).recovered);
}

#[test]
fn the_expiry_of_publications_changes_neither_epoch_nor_offset() {
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
    /// `recovered` is true exactly if the position is valid and all missed publications are kept. The result then has exactly
    /// the missed publications.
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
                    let dropped = model.len().saturating_sub(size);
                    model[..dropped].iter_mut().for_each(|(_, kept)| *kept = false);
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
                    let is_kept = |(at, kept): &(Instant, bool)| *kept && now.duration_since(*at) < TTL;
                    let missed = model.get(usize::try_from(offset).unwrap()..);
                    let recoverable = known && missed.is_some_and(|missed| missed.iter().all(is_kept));
                    prop_assert_eq!(found.recovered, recoverable);
                    let expected: Vec<u64> = if recoverable { (offset + 1..=top).collect() } else { Vec::new() };
                    prop_assert_eq!(offsets(&found.publications), expected);
                    prop_assert_eq!(found.offset, if recoverable { offset } else { top });
                }
            }
            let weighed: usize = stream.kept.iter().map(|(_, publication)| weight(publication)).sum();
            prop_assert_eq!(stream.bytes(), weighed);
            prop_assert!(stream.kept.len() <= size);
        }
    }
}

#[test]
fn a_tag_weighs_what_its_json_takes() {
    let text = "\u{1}\"\\ä\n";
    let tags = [(text.to_owned(), String::new())];
    let json = serde_json::to_string(text).unwrap();
    let data = Payload::parse("{}").unwrap();
    let weight = weight_of(&data, None, &tags) - weight_of(&data, None, &[]);
    // Line breaks take two bytes, and count like other control characters.
    assert_eq!(weight, json.len() - "\"\"".len() + 4, "{json}");
}

fn published(user: Option<&str>) -> Publication {
    let info = user.map(|user| {
        Arc::new(ClientInfo {
            user: Subject::new(user),
            client: ConnectionId(uuid::Uuid::from_u128(5)),
            conn_info: Some(Payload::parse(r#"{"name":"Ada"}"#).unwrap()),
            chan_info: None,
        })
    });
    let data = Payload::parse(r#"{"text":"hello"}"#).unwrap();
    Publication { data, info, offset: 0, tags: vec![("from".to_owned(), "Ada".to_owned())], time_ms: 1 }
}

fn with_replaced(replaced: Option<&str>) -> (Stream, Vec<Arc<Publication>>) {
    let now = Instant::now();
    let mut stream = Stream::new("abcdefgh".into(), 10, Duration::from_secs(60));
    for user in [Some("7"), None, Some("8"), Some("7")] {
        stream.append(now, published(user));
    }
    let subjects = HashMap::from([(Subject::new("7"), replaced.map(Subject::new))]);
    let content = Payload::parse(r#"{"erased":true}"#).unwrap();
    assert_eq!(stream.erase(&Erasure::of_persons(subjects, content)), 2);
    let request = protocol::HistoryRequest { limit: -1, ..Default::default() };
    let all = stream.history(now, &request, PageBound::CLIENT).unwrap();
    (stream, all)
}

#[test]
fn the_messages_of_an_erased_person_are_empty_and_keep_their_offsets() {
    let (stream, all) = with_replaced(None);
    assert_eq!(all.iter().map(|one| one.offset).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (one, erased) in all.iter().zip([true, false, false, true]) {
        assert_eq!(one.data.as_bytes() == br#"{"erased":true}"#, erased, "{one:?}");
        assert_eq!(one.tags.is_empty(), erased);
    }
    assert!(all[0].info.is_none() && all[2].info.is_some());
    assert_eq!(stream.bytes(), all.iter().map(|one| weight(one)).sum::<usize>());
}

#[test]
fn a_renamed_person_has_the_same_name_in_all_messages_and_no_info() {
    let (_, all) = with_replaced(Some("erased-x"));
    for one in [&all[0], &all[3]] {
        let info = one.info.as_ref().unwrap();
        assert_eq!((info.user.as_str(), &info.conn_info), ("erased-x", &None));
        assert_eq!(one.data.as_bytes(), br#"{"text":"hello"}"#);
    }
}
