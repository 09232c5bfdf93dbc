//! Events for other systems: which acts cause events, what an event contains, how it is signed, and when it is sent again.
//!
//! The store derives the outgoing events of each audit event with [`audit_mapping`], in the transaction of the audit event.
//! `service::events` sends them. Time and randomness are arguments.

pub mod audit_mapping;
pub mod destination;
pub mod outgoing;
pub mod retry;
pub mod security_event;
pub mod session_signals;
pub mod webhook;

/// The purpose of the seals of receivers' secrets.
pub const SEALED_RECEIVERS: &str = "event receiver";
