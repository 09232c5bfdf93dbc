//! Tests of the members of a channel: presence, announcements, and the form in which each member receives a publication.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use protocol::{Payload, Position, id::Subject};
use uuid::Uuid;

use super::*;

fn info(number: u8) -> Arc<ClientInfo> {
    let client = ConnectionId(Uuid::from_u128(number.into()));
    // Each user has two connections.
    Arc::new(ClientInfo {
        user: Subject::new(&(number / 2).to_string()),
        client,
        conn_info: None,
        chan_info: None,
    })
}

fn publication(offset: u64) -> Arc<Publication> {
    let data = Payload::parse(&offset.to_string()).unwrap();
    Arc::new(Publication { data, info: None, offset, tags: Vec::new(), time_ms: 0 })
}

fn terms(bits: u8) -> Terms {
    Terms {
        recover: None::<Position>,
        presence: bits & 1 != 0,
        announce: bits & 2 != 0,
        join_leave: bits & 4 != 0,
        delta: bits & 8 != 0,
        ..Terms::default()
    }
}

/// Delivers a publication. Returns the form that each member received. For a delta, the form includes the offset of the earlier
/// publication.
fn deliver(channel: &mut Channel<u8>, publication: &Arc<Publication>) -> BTreeMap<u8, String> {
    let mut got = BTreeMap::new();
    channel.deliver(publication, |_, member, form| {
        let form = match form {
            Form::Plain => "plain".to_owned(),
            Form::Whole => "whole".to_owned(),
            Form::Delta(before) => format!("delta from {}", before.offset),
        };
        assert!(got.insert(*member, form).is_none(), "delivered twice");
    });
    got
}

#[test]
fn a_delta_is_made_from_the_last_publication_that_the_member_received() {
    let mut channel = Channel::default();
    channel.join(info(1), &terms(8), None, 1);
    assert_eq!(deliver(&mut channel, &publication(1))[&1], "whole");
    assert_eq!(deliver(&mut channel, &publication(2))[&1], "delta from 1");
    channel.join(info(2), &terms(0), None, 2);
    channel.join(info(3), &terms(8), None, 3);
    let got = deliver(&mut channel, &publication(3));
    assert_eq!((&*got[&1], &*got[&2], &*got[&3]), ("delta from 2", "plain", "whole"));
}

#[test]
fn the_first_delta_is_made_from_a_recovered_publication_if_it_is_the_newest() {
    let (mut channel, last) = (Channel::default(), publication(7));
    channel.join(info(1), &terms(8), Some(Arc::clone(&last)), 1);
    assert_eq!(deliver(&mut channel, &publication(8))[&1], "delta from 7");
    // The publication that this member has is no longer the last one.
    channel.join(info(2), &terms(8), Some(last), 2);
    let got = deliver(&mut channel, &publication(9));
    assert_eq!((&*got[&1], &*got[&2]), ("delta from 8", "whole"));
}

#[test]
fn presence_counts_the_new_user_of_a_member_whose_description_changes() {
    let mut channel = Channel::default();
    channel.join(info(2), &terms(1), None, 2);
    channel.join(info(3), &terms(1), None, 3);
    assert_eq!((channel.presence_stats().clients, channel.presence_stats().users), (2, 1));
    let renamed = ClientInfo { user: Subject::new("another"), ..(*info(3)).clone() };
    assert!(channel.show(&Arc::new(renamed)));
    assert_eq!((channel.presence_stats().clients, channel.presence_stats().users), (2, 2));
    channel.leave(info(3).client);
    assert_eq!((channel.presence_stats().clients, channel.presence_stats().users), (1, 1));
    drop(channel.clear());
    assert_eq!((channel.presence_stats().clients, channel.presence_stats().users), (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8, u8),
    Leave(u8),
    Publish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..6, 0_u8..16).prop_map(|(connection, terms)| Step::Join(connection, terms)),
        2 => (0_u8..6).prop_map(Step::Leave),
        2 => Just(Step::Publish),
    ]
}

proptest! {
    #[test]
    fn members_presence_and_forms_agree_with_a_model(steps in prop::collection::vec(step(), 0..120)) {
        let mut channel = Channel::default();
        // For each member: the bits of its terms, and the offset of the last publication that it received.
        let mut model: BTreeMap<u8, (u8, Option<u64>)> = BTreeMap::new();
        let mut top = 0;
        for step in steps {
            match step {
                Step::Join(connection, bits) => {
                    let replaced = channel.join(info(connection), &terms(bits), None, connection);
                    prop_assert_eq!(replaced.is_some(), model.insert(connection, (bits, None)).is_some());
                }
                Step::Leave(connection) => {
                    let left = channel.leave(info(connection).client);
                    let was = model.remove(&connection);
                    prop_assert_eq!(left.is_some(), was.is_some());
                    let announced = left.is_some_and(|member| member.announced().is_some());
                    prop_assert_eq!(announced, was.is_some_and(|(bits, _)| bits & 2 != 0));
                }
                Step::Publish => {
                    top += 1;
                    let got = deliver(&mut channel, &publication(top));
                    prop_assert_eq!(got.len(), model.len());
                    for (connection, form) in got {
                        let (bits, had) = model.get_mut(&connection).unwrap();
                        let expected = match (*bits & 8 != 0, had.replace(top)) {
                            (false, _) => "plain".to_owned(),
                            (true, None) => "whole".to_owned(),
                            (true, Some(before)) => format!("delta from {before}"),
                        };
                        prop_assert_eq!(form, expected);
                    }
                }
            }
            let with = |bit: u8| model.iter().filter(move |(_, (bits, _))| bits & bit != 0).map(|(connection, _)| *connection);
            let mut receivers: Vec<u8> = channel.receivers_of_joins().copied().collect();
            receivers.sort_unstable();
            prop_assert_eq!(receivers, with(4).collect::<Vec<_>>());
            let present: HashSet<_> = channel.presence(|_| true).map(|info| info.client).collect();
            prop_assert_eq!(present, with(1).map(|connection| info(connection).client).collect::<HashSet<_>>());
            let stats = channel.presence_stats();
            let users: HashSet<_> = with(1).map(|connection| connection / 2).collect();
            prop_assert_eq!((stats.clients as usize, stats.users as usize), (with(1).count(), users.len()));
            prop_assert_eq!(channel.len(), model.len());
            prop_assert!(channel.deltas > 0 || channel.last.is_none());
        }
    }
}
