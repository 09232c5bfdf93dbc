//! The common part of webhooks and streams: the rules of their names and URLs, their audit events, and their failures.
//!
//! `operators::webhooks` and `event_streams` call this. Nothing here reads or writes the database.

use domain::{events::destination::parse_destination, shown_name::shown_name};
use protocol::audit::AuditEvent;
use store::{AddedReceiver, EventReceiver};

use super::settings::EventSettings;
use crate::core::failure::Failure;

/// The event with what the receiver is now, without its secret.
pub(crate) fn described(event: AuditEvent, receiver: &EventReceiver) -> AuditEvent {
    let event = event
        .with("receiver", receiver.id.to_string())
        .with("kind", receiver.kind.as_str())
        .with("status", receiver.status.as_str())
        .with("events", receiver.events.clone());
    // The path and the query may contain a secret of the receiver.
    let host = receiver.url.as_deref().and_then(|url| parse_destination(url, true).ok());
    match host.and_then(|url| url.host_str().map(str::to_owned)) {
        Some(host) => event.with("host", host),
        None => event,
    }
}

/// The name of a receiver, without white space at its ends.
///
/// # Errors
/// `BadRequest` for an empty or too long name, and for invisible characters.
pub(crate) fn checked_name(name: &str) -> Result<String, Failure> {
    let detail = "A name has 1 to 100 characters, and no invisible characters.";
    shown_name(name).ok_or_else(|| Failure::bad_request("invalid_name", detail))
}

/// The URL of a receiver, in its normal form.
///
/// # Errors
/// `BadRequest` for a URL that may not receive events.
pub(crate) fn checked_url(url: &str, settings: EventSettings) -> Result<String, Failure> {
    let parsed = parse_destination(url, settings.inner_addresses);
    parsed
        .map(String::from)
        .map_err(|error| Failure::BadRequest { code: "invalid_url", detail: error.to_string().into() })
}

/// The failure for a receiver that does not exist, or that the caller may not see.
pub(crate) fn no_such_receiver() -> Failure {
    Failure::not_found("There is no such receiver.")
}

/// The failure if a receiver was not added.
pub(crate) fn no_room(refused: AddedReceiver) -> Failure {
    match refused {
        AddedReceiver::TooManyOfKey => {
            Failure::conflict("too_many_streams", "This API key has five streams already. Delete one first.")
        }
        AddedReceiver::TooMany | AddedReceiver::Yes => {
            let detail = "There are 100 receivers, or 80 streams, already. Delete one first.";
            Failure::conflict("too_many_receivers", detail)
        }
    }
}

/// The failure if a receiver was changed after it was read.
pub(crate) fn changed_meanwhile() -> Failure {
    Failure::conflict("changed_meanwhile", "The receiver was changed at the same time. Read it again.")
}
