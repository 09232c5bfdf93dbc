//! Tests of channel names, and of the rights and options of namespaces.

use proptest::prelude::*;
use protocol::{
    Payload, PublishRequest, SubscribeRequest, channel_name::ChannelNameError, subscription::Overrides,
};

use super::*;

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn subscribe(channel: &str, request: &SubscribeRequest) -> Result<(), ErrorCode> {
    let user = ChannelUser { party: Party::User, subject: &Subject::new("42") };
    Namespaces::default().admit_subscribe(&name(channel), user, None, request).map(drop)
}

fn publish(namespaces: &Namespaces, channel: &str, member: bool) -> Result<(), ErrorCode> {
    let data = Some(Payload::parse("1").unwrap());
    let request = PublishRequest { channel: channel.to_owned(), data, kind: 0 };
    let user = ChannelUser { party: Party::User, subject: &Subject::new("42") };
    namespaces.admit_publish(&name(channel), user, member, &request)
}

#[test]
fn a_name_is_1_to_255_printable_ascii_characters() {
    for good in ["a", "chat:room 1", "chat:~!", &"x".repeat(255)] {
        assert!(ChannelName::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "chat:é", "chat:\n", "chat:\u{7f}", "chat:\0", &"x".repeat(256)] {
        assert_eq!(ChannelName::parse(bad), Err(ChannelNameError), "{bad:?}");
    }
}

#[test]
fn a_namespace_ends_at_the_first_colon() {
    assert_eq!(name("chat:a:b").namespace(), Some("chat"));
    assert_eq!(name(":a").namespace(), Some(""));
    assert_eq!(name("chat").namespace(), None);
}

#[test]
fn users_may_subscribe_in_the_namespaces_chat_and_ephemeral() {
    let plain = SubscribeRequest::default();
    assert_eq!(subscribe("chat:a", &plain), Ok(()));
    assert_eq!(subscribe("ephemeral:a", &plain), Ok(()));
}

#[test]
fn channels_without_a_known_namespace_are_unknown() {
    for channel in ["news:a", "chat", ":a", "Chat:a", "chat :a"] {
        assert_eq!(
            subscribe(channel, &SubscribeRequest::default()),
            Err(ErrorCode::UnknownChannel),
            "{channel}"
        );
    }
}

#[test]
fn a_private_channel_requires_a_token() {
    let plain = SubscribeRequest::default();
    assert_eq!(subscribe("$chat:a", &plain), Err(ErrorCode::PermissionDenied));
    for unknown in ["$x", "$", "$news:a"] {
        assert_eq!(subscribe(unknown, &plain), Err(ErrorCode::UnknownChannel), "{unknown}");
    }
    let user = ChannelUser { party: Party::User, subject: &Subject::new("42") };
    let token = Some(&Overrides::default());
    let namespaces = Namespaces::default();
    assert!(namespaces.admit_subscribe(&name("$chat:a"), user, token, &plain).is_ok());
    // A token does not admit a user to the channel of another user.
    let foreign = namespaces.admit_subscribe(&name("$chat:#7"), user, token, &plain);
    assert_eq!(foreign, Err(ErrorCode::PermissionDenied));
}

#[test]
fn only_listed_users_may_subscribe_in_the_namespace_user() {
    let plain = SubscribeRequest::default();
    for channel in ["user:#42", "user:#7,42"] {
        assert_eq!(subscribe(channel, &plain), Ok(()), "{channel}");
    }
    for channel in ["user:#7", "user:42", "user:#", "user:#+42", "user:#042", "user:#42#7", "user:x,42"] {
        assert_eq!(subscribe(channel, &plain), Err(ErrorCode::PermissionDenied), "{channel}");
    }
}

#[test]
fn rights_are_checked_before_unsupported_features() {
    let filter = SubscribeRequest { tags_filter: true, kind: 1, ..SubscribeRequest::default() };
    assert_eq!(subscribe("chat:a", &filter), Err(ErrorCode::BadRequest));
    assert_eq!(subscribe("user:#7", &filter), Err(ErrorCode::PermissionDenied));
    let recover = Some(protocol::Position::default());
    let position = SubscribeRequest { must_recover: true, recover, ..SubscribeRequest::default() };
    let kind = SubscribeRequest { kind: 4, ..position.clone() };
    assert_eq!(subscribe("ephemeral:a", &kind), Err(ErrorCode::NotAvailable));
    assert_eq!(subscribe("ephemeral:a", &position), Err(ErrorCode::UnrecoverablePosition));
    assert_eq!(subscribe("chat:a", &position), Ok(()));
}

#[test]
fn the_namespace_decides_whether_members_and_other_users_may_publish() {
    let namespaces = Namespaces::default()
        .with("open", Options { publish: Rights::of(&[Right::User]), ..Options::default() });
    assert_eq!(publish(&namespaces, "chat:a", true), Ok(()));
    assert_eq!(publish(&namespaces, "chat:a", false), Err(ErrorCode::PermissionDenied));
    assert_eq!(publish(&namespaces, "open:a", false), Ok(()));
    assert_eq!(publish(&namespaces, "user:#42", true), Err(ErrorCode::PermissionDenied));
    assert_eq!(publish(&namespaces, "news:a", true), Err(ErrorCode::UnknownChannel));
}

#[test]
fn a_publication_must_have_data_and_kind_0() {
    let namespaces = Namespaces::default();
    let mut request = PublishRequest { channel: String::new(), data: None, kind: 1 };
    let user = ChannelUser { party: Party::User, subject: &Subject::new("42") };
    let check = |request: &PublishRequest| namespaces.admit_publish(&name("chat:a"), user, true, request);
    assert_eq!(check(&request), Err(ErrorCode::BadRequest));
    request.data = Some(Payload::parse("null").unwrap());
    assert_eq!(check(&request), Err(ErrorCode::NotAvailable));
    request.kind = 0;
    assert_eq!(check(&request), Ok(()));
}

fn options(bits: u8, rights: u8) -> Options {
    let rights = Right::ALL.into_iter().filter(|right| rights & *right as u8 != 0).collect::<Vec<_>>();
    let rights = Rights::of(&rights);
    let flag = |bit: u8| bits & bit != 0;
    Options {
        subscribe: rights,
        publish: rights,
        presence: rights,
        history: rights,
        presence_enabled: flag(1),
        join_leave: flag(2),
        history_size: usize::from(flag(4)),
        history_ttl: std::time::Duration::from_secs(60),
        recovery: if flag(8) { Offer::Allowed } else { Offer::Off },
        positioning: if flag(16) { Offer::Forced } else { Offer::Off },
        delta: flag(32),
        ..Options::default()
    }
}

fn channels() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("x:a"), Just("$x:a"), Just("x:#42"), Just("x:#7,42"), Just("x:#7"), Just("$x:#42")]
}

const PARTIES: [Party; 4] = [Party::Anonymous, Party::User, Party::Operator, Party::Admin];

proptest! {
    #[test]
    fn a_higher_rank_has_every_right_of_a_lower_rank(
        (bits, rights) in (0_u8..64, 0_u8..64),
        channel in channels(),
        subscriber in any::<bool>(),
        token in any::<bool>(),
    ) {
        let namespaces = Namespaces::empty().with("x", options(bits, rights));
        let (channel, subject) = (name(channel), Subject::new("42"));
        let overrides = Overrides::default();
        let data = Some(Payload::parse("1").unwrap());
        let publish = PublishRequest { channel: String::new(), data, kind: 0 };
        let may = |party| {
            let user = ChannelUser { party, subject: &subject };
            let request = SubscribeRequest::default();
            [
                namespaces.admit_subscribe(&channel, user, token.then_some(&overrides), &request).is_ok(),
                namespaces.admit_publish(&channel, user, subscriber, &publish).is_ok(),
                namespaces.admit_presence(&channel, user, subscriber).is_ok(),
                namespaces.admit_history(&channel, user, subscriber).is_ok(),
            ]
        };
        for (less, more) in PARTIES.iter().zip(&PARTIES[1..]) {
            prop_assert!(may(*less).into_iter().zip(may(*more)).all(|(less, more)| !less || more));
        }
    }

    /// With every option of a namespace, private channels require a token, and user-limited channels admit only the listed
    /// users.
    #[test]
    fn no_option_admits_other_users_to_a_limited_channel(
        (bits, rights) in (0_u8..64, 0_u8..64),
        party in prop::sample::select(PARTIES.to_vec()),
        token in any::<bool>(),
    ) {
        let namespaces = Namespaces::empty().with("x", options(bits, rights));
        let user = ChannelUser { party, subject: &Subject::new("42") };
        let (overrides, request) = (Overrides::default(), SubscribeRequest::default());
        let token = token.then_some(&overrides);
        let denied = Err(ErrorCode::PermissionDenied);
        prop_assert_eq!(&namespaces.admit_subscribe(&name("x:#7"), user, token, &request), &denied);
        prop_assert_eq!(&namespaces.admit_subscribe(&name("$x:a"), user, None, &request), &denied);
        prop_assert!(namespaces.admit_presence(&name("x:#7"), user, false).is_err());
        prop_assert!(namespaces.admit_history(&name("x:#7"), user, false).is_err());
        prop_assert!(namespaces.admit_history(&name("$x:a"), user, false).is_err());
        let anonymous_user = ChannelUser { party, subject: &Subject::anonymous() };
        prop_assert_eq!(&namespaces.admit_subscribe(&name("x:#"), anonymous_user, None, &request), &denied);
    }

    #[test]
    fn terms_grant_only_what_the_namespace_offers(
        (bits, requested) in (0_u8..64, 0_u8..32),
    ) {
        let namespaces = Namespaces::empty().with("x", options(bits, Right::User as u8));
        let user = ChannelUser { party: Party::User, subject: &Subject::new("42") };
        let request = SubscribeRequest {
            recover: (requested & 1 != 0).then(Default::default),
            positioned: requested & 2 != 0,
            recoverable: requested & 4 != 0,
            join_leave: requested & 8 != 0,
            delta: requested & 16 != 0,
            ..SubscribeRequest::default()
        };
        let terms = namespaces.admit_subscribe(&name("x:a"), user, None, &request).unwrap();
        let does = |bit: u8| bits & bit != 0;
        prop_assert_eq!(terms.presence, does(1));
        prop_assert_eq!(terms.announce, does(2));
        prop_assert_eq!(terms.join_leave, does(2) && request.join_leave);
        prop_assert_eq!(terms.recoverable, does(4) && does(8) && requested & 5 != 0);
        prop_assert_eq!(terms.recover.is_some(), terms.recoverable && request.recover.is_some());
        prop_assert_eq!(terms.positioned, terms.recoverable || does(4) && does(16));
        prop_assert_eq!(terms.delta, does(32) && request.delta);
    }
}

#[test]
fn the_name_of_a_personal_channel_lists_exactly_one_user() {
    let namespaces = Namespaces::default().with_personal("user");
    let personal = |user: &str| namespaces.personal(&Subject::new(user)).map(|name| name.to_string());
    assert_eq!(personal("42"), Some("user:#42".to_owned()));
    assert_eq!(personal("corp:anna"), Some("user:#corp:anna".to_owned()));
    for user in ["", "7,42", "zoë"] {
        assert_eq!(personal(user), None, "{user}");
    }
    assert_eq!(personal(&"x".repeat(249)).map(|name| name.len()), Some(255));
    assert_eq!(personal(&"x".repeat(250)), None);
    let nameless = Namespaces::empty().with_nameless(Options::default()).with_personal("");
    let channel = nameless.personal(&Subject::new("corp:anna")).unwrap();
    assert_eq!(channel.as_str(), "#corp:anna");
    assert!(nameless.options(&channel).is_ok() && channel.is_owned_by(&Subject::new("corp:anna")));
}

#[test]
fn named_users_without_a_personal_channel_are_reported() {
    let namespaces = Namespaces::default().with_personal("user");
    for user in ["7,42", "zoë", "a\tb", &"x".repeat(250)] {
        assert!(namespaces.leaves_out(&Subject::new(user)), "{user}");
        assert!(!Namespaces::default().leaves_out(&Subject::new(user)), "personal channels are off");
    }
    assert!(!namespaces.leaves_out(&Subject::new("42")));
    assert!(!namespaces.leaves_out(&Subject::anonymous()));
}

#[test]
fn the_built_in_namespaces_have_no_contradictions() {
    for (name, options) in Namespaces::default().iter() {
        assert_eq!(options.problems(), Vec::<String>::new(), "{name}");
    }
}
