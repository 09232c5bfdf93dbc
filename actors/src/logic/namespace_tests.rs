//! Which names are channels, and what their namespaces allow.

use super::*;
use crate::protocol::Payload;

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn subscribe(channel: &str, request: &SubscribeRequest) -> Result<(), ErrorCode> {
    Namespaces::default().check_subscribe(&name(channel), request, &Subject::new("42"))
}

fn publish(namespaces: &Namespaces, channel: &str, member: bool) -> Result<(), ErrorCode> {
    let data = Some(Payload::parse("1").unwrap());
    let request = PublishRequest { channel: channel.to_owned(), data, kind: 0 };
    namespaces.check_publish(&name(channel), &request, member)
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
fn private_channels_are_denied_even_in_an_unknown_namespace() {
    for channel in ["$chat:a", "$x", "$"] {
        assert_eq!(subscribe(channel, &SubscribeRequest::default()), Err(ErrorCode::PermissionDenied));
    }
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
    let kind = SubscribeRequest { kind: 4, must_recover: true, ..SubscribeRequest::default() };
    assert_eq!(subscribe("chat:a", &kind), Err(ErrorCode::NotAvailable));
    let position = SubscribeRequest { must_recover: true, ..SubscribeRequest::default() };
    assert_eq!(subscribe("chat:a", &position), Err(ErrorCode::UnrecoverablePosition));
}

#[test]
fn members_publish_where_members_may() {
    let namespaces = Namespaces::default()
        .with("open", NamespaceOptions::live(PublishRight::Anyone, SubscribeRight::Anyone));
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
    let check = |request: &PublishRequest| namespaces.check_publish(&name("chat:a"), request, true);
    assert_eq!(check(&request), Err(ErrorCode::BadRequest));
    request.data = Some(Payload::parse("null").unwrap());
    assert_eq!(check(&request), Err(ErrorCode::NotAvailable));
    request.kind = 0;
    assert_eq!(check(&request), Ok(()));
}
