//! Events for other systems: the acts that cause them, their content, their signature, and the times of further attempts.
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
