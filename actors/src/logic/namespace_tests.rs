//! Which names are channels, and what their namespaces allow.

use super::*;
use crate::protocol::{Payload, PublishRequest, SubscribeRequest};

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn subscribe(channel: &str, request: &SubscribeRequest) -> Result<(), ErrorCode> {
    let who = Who { party: Party::User, subject: &Subject::new("42") };
    Namespaces::default().admit_subscribe(&name(channel), who, None, request).map(drop)
}

fn publish(namespaces: &Namespaces, channel: &str, member: bool) -> Result<(), ErrorCode> {
    let data = Some(Payload::parse("1").unwrap());
    let request = PublishRequest { channel: channel.to_owned(), data, kind: 0 };
    let who = Who { party: Party::User, subject: &Subject::new("42") };
    namespaces.admit_publish(&name(channel), who, member, &request)
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
fn the_namespace_ends_at_the_first_colon() {
    assert_eq!(name("chat:a:b").namespace(), Some("chat"));
    assert_eq!(name(":a").namespace(), Some(""));
    assert_eq!(name("chat").namespace(), None);
}

#[test]
fn built_in_namespaces_can_be_subscribed_to() {
    let plain = SubscribeRequest::default();
    assert_eq!(subscribe("chat:a", &plain), Ok(()));
    assert_eq!(subscribe("ephemeral:a", &plain), Ok(()));
}

#[test]
fn unknown_namespaces_and_names_without_one_are_unknown_channels() {
    for channel in ["news:a", "chat", ":a", "Chat:a", "chat :a"] {
        assert_eq!(
            subscribe(channel, &SubscribeRequest::default()),
            Err(ErrorCode::UnknownChannel),
            "{channel}"
        );
    }
}

#[test]
fn a_private_channel_needs_a_token_whatever_its_namespace_allows() {
    let plain = SubscribeRequest::default();
    assert_eq!(subscribe("$chat:a", &plain), Err(ErrorCode::PermissionDenied));
    for unknown in ["$x", "$", "$news:a"] {
        assert_eq!(subscribe(unknown, &plain), Err(ErrorCode::UnknownChannel), "{unknown}");
    }
    let who = Who { party: Party::User, subject: &Subject::new("42") };
    let token = Some(&Overrides::default());
    let namespaces = Namespaces::default();
    assert!(namespaces.admit_subscribe(&name("$chat:a"), who, token, &plain).is_ok());
    // Not even a token opens somebody else's channel.
    let foreign = namespaces.admit_subscribe(&name("$chat:#7"), who, token, &plain);
    assert_eq!(foreign, Err(ErrorCode::PermissionDenied));
}

#[test]
fn a_personal_channel_is_for_its_owners_alone() {
    let plain = SubscribeRequest::default();
    for channel in ["user:#42", "user:#7,42"] {
        assert_eq!(subscribe(channel, &plain), Ok(()), "{channel}");
    }
    for channel in ["user:#7", "user:42", "user:#", "user:#+42", "user:#042", "user:#42#7", "user:x,42"] {
        assert_eq!(subscribe(channel, &plain), Err(ErrorCode::PermissionDenied), "{channel}");
    }
}

#[test]
fn what_is_not_offered_is_refused_after_the_rights() {
    let filter = SubscribeRequest { tags_filter: true, kind: 1, ..SubscribeRequest::default() };
    assert_eq!(subscribe("chat:a", &filter), Err(ErrorCode::BadRequest));
    assert_eq!(subscribe("user:#7", &filter), Err(ErrorCode::PermissionDenied));
    let recover = Some(crate::protocol::Position::default());
    let position = SubscribeRequest { must_recover: true, recover, ..SubscribeRequest::default() };
    let kind = SubscribeRequest { kind: 4, ..position.clone() };
    assert_eq!(subscribe("ephemeral:a", &kind), Err(ErrorCode::NotAvailable));
    assert_eq!(subscribe("ephemeral:a", &position), Err(ErrorCode::UnrecoverablePosition));
    assert_eq!(subscribe("chat:a", &position), Ok(()));
}

#[test]
fn members_publish_where_members_may() {
    let namespaces = Namespaces::default()
        .with("open", Options { publish: Rights::of(&[Right::User]), ..Options::default() });
    assert_eq!(publish(&namespaces, "chat:a", true), Ok(()));
    assert_eq!(publish(&namespaces, "chat:a", false), Err(ErrorCode::PermissionDenied));
    assert_eq!(publish(&namespaces, "open:a", false), Ok(()));
    assert_eq!(publish(&namespaces, "user:#42", true), Err(ErrorCode::PermissionDenied));
    assert_eq!(publish(&namespaces, "news:a", true), Err(ErrorCode::UnknownChannel));
}

#[test]
fn a_publication_needs_data_and_is_plain() {
    let namespaces = Namespaces::default();
    let mut request = PublishRequest { channel: String::new(), data: None, kind: 1 };
    let who = Who { party: Party::User, subject: &Subject::new("42") };
    let check = |request: &PublishRequest| namespaces.admit_publish(&name("chat:a"), who, true, request);
    assert_eq!(check(&request), Err(ErrorCode::BadRequest));
    request.data = Some(Payload::parse("null").unwrap());
    assert_eq!(check(&request), Err(ErrorCode::NotAvailable));
    request.kind = 0;
    assert_eq!(check(&request), Ok(()));
}
